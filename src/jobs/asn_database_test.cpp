#include "jobs/asn_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

#include "jobs/test_jobs.h"
#include "jobs/test_mmdb.h"

namespace spiderling {
namespace {

using ::testing::HasSubstr;

// libmaxminddb 1.7.1 loses some kilobytes where it refuses a file for its metadata: once a run of ours.
struct TheLibrarysLeaks {
#if defined(__SANITIZE_ADDRESS__)
  __lsan::ScopedDisabler are_not_ours;
#endif
};

std::string some_database() {
  TestMmdb mmdb;
  mmdb.add("192.0.2.0/24", "autonomous_system_number", TestMmdb::number(64496));
  mmdb.add("198.51.100.0/25", "asn", TestMmdb::text("AS64511"));
  mmdb.add("2001:db8::/32", "autonomous_system_number", TestMmdb::number(4'200'000'000));
  mmdb.add("203.0.113.0/24", "country", TestMmdb::text("XX"));
  return mmdb.bytes();
}

TEST(AsnDatabase, FindsTheSystemOfAnAddress) {
  const JobFolder folder;
  const auto database = AsnDatabase::open(folder.file("asn.mmdb", some_database()));
  ASSERT_TRUE(database) << database.error().message;
  const auto find = [&](std::string_view text) { return (*database)->find(address(text)); };
  EXPECT_EQ(find("192.0.2.0"), 64496u);
  EXPECT_EQ(find("192.0.2.255"), 64496u);
  EXPECT_EQ(find("192.0.3.0"), 0u);
  EXPECT_EQ(find("198.51.100.127"), 64511u);
  EXPECT_EQ(find("198.51.100.128"), 0u);
  EXPECT_EQ(find("2001:db8:ffff::1"), 4'200'000'000u);
  EXPECT_EQ(find("2001:db9::"), 0u);
  EXPECT_EQ(find("203.0.113.1"), 0u) << "is in it, but without a number";
  EXPECT_EQ((*database)->find(IpAddress{}), 0u);
}

TEST(AsnDatabase, WhatIsNoneIsSaid) {
  [[maybe_unused]] const TheLibrarysLeaks leaks;
  const JobFolder folder;
  const auto message = [](const std::string& path) {
    const auto database = AsnDatabase::open(path);
    return database ? "opened" : database.error().message;
  };
  EXPECT_THAT(message(folder.path("none")), HasSubstr("No such file"));
  EXPECT_THAT(message(folder.path("")), HasSubstr("is no file"));
  EXPECT_THAT(message(folder.file("empty", "")), HasSubstr("cannot be used as a MaxMind database"));
  EXPECT_THAT(message(folder.file("text", "hello")), HasSubstr("cannot be used as a MaxMind database"));
}

// Whatever stands in the file: an error, a number or none, and nothing else.
TEST(AsnDatabase, ADamagedOneHarmsNobody) {
  [[maybe_unused]] const TheLibrarysLeaks leaks;
  const JobFolder folder;
  const std::string good = some_database();
  std::mt19937 random(7);
  unsigned opened = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string bad = good.substr(0, round % 4 == 0 ? random() % good.size() : good.size());
    for (unsigned i = random() % 4 + 1; !bad.empty() && i > 0; --i)
      bad[random() % bad.size()] = static_cast<char>(random());
    const auto database = AsnDatabase::open(folder.file("bad.mmdb", bad));
    if (!database) continue;
    ++opened;
    for (const char* asked : {"192.0.2.1", "198.51.100.1", "2001:db8::1", "203.0.113.1", "255.255.255.255"})
      (*database)->find(address(asked));
  }
  EXPECT_GT(opened, 100u);
}

}  // namespace
}  // namespace spiderling
