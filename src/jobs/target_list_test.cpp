#include "jobs/target_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/test_jobs.h"

namespace spiderling {
namespace {

using ::testing::HasSubstr;

TargetList list_of(std::initializer_list<std::string_view> lines) {
  TargetList list;
  for (const std::string_view line : lines) {
    const auto added = list.add_line(line);
    EXPECT_TRUE(added) << line;
  }
  list.finish();
  return list;
}
std::string why_not(std::string_view line) {
  TargetList list;
  const auto added = list.add_line(line);
  return added ? "added" : added.error().message;
}

TEST(TargetList, CoversAddressesPrefixesAndNamesWithAllBelowThem) {
  const TargetList list = list_of({"# a comment", "", "  192.0.2.0/24 # theirs", "2001:db8::1\r",
                                   "Example.ORG.", "*.wild.test", "192.0.2.9"});
  EXPECT_EQ(list.size(), 5u);
  EXPECT_TRUE(list.covers(job_at("192.0.2.255")));
  EXPECT_FALSE(list.covers(job_at("192.0.3.0")));
  EXPECT_TRUE(list.covers(job_at("2001:db8::1")));
  EXPECT_FALSE(list.covers(job_at("2001:db8::2")));
  EXPECT_TRUE(list.covers(job_at("", "example.org")));
  EXPECT_TRUE(list.covers(job_at("198.51.100.1", "WWW.Example.Org.")));
  EXPECT_FALSE(list.covers(job_at("", "notexample.org")));
  EXPECT_FALSE(list.covers(job_at("", "org")));
  EXPECT_FALSE(list.covers(job_at("", "example.org.test")));
  EXPECT_TRUE(list.covers(job_at("", "wild.test")));
  EXPECT_TRUE(list.covers(job_at("", "a.b.wild.test")));
}

TEST(TargetList, AnAddressThatStandsForAListedOneIsCovered) {
  const TargetList list = list_of({"192.0.2.0/24"});
  EXPECT_TRUE(list.covers(job_at("64:ff9b::192.0.2.1")));
  EXPECT_TRUE(list.covers(job_at("::ffff:192.0.2.1")));
  EXPECT_FALSE(list.covers(job_at("64:ff9b::192.0.3.1")));
}

TEST(TargetList, WhatIsNeitherIsRefused) {
  EXPECT_THAT(why_not("192.0.2.1/24"), HasSubstr("bits behind its length"));
  EXPECT_THAT(why_not("192.0.2.256"), HasSubstr("neither an address nor a prefix"));
  EXPECT_THAT(why_not("http://example.org"), HasSubstr("neither"));
  EXPECT_THAT(why_not("two words"), HasSubstr("no address, no prefix and no name"));
  EXPECT_THAT(why_not("a..b"), HasSubstr("no name"));
  EXPECT_THAT(why_not(".example.org"), HasSubstr("no name"));
  EXPECT_THAT(why_not("*"), HasSubstr("no name"));
  EXPECT_THAT(why_not("bad\x1b[2Jname"), testing::Not(HasSubstr("\x1b")));
  EXPECT_THAT(why_not(std::string(300, 'a')), HasSubstr("no name"));
}

TEST(TargetList, ReadsAFileToItsEndOrNotAtAll) {
  const JobFolder folder;
  const auto good = TargetList::read(folder.file("good",
                                                 "\xEF\xBB\xBF"
                                                 "192.0.2.1\r\n\nexample.org"));
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(good->size(), 2u);
  EXPECT_TRUE(good->covers(job_at("192.0.2.1")));
  const auto bad = TargetList::read(folder.file("bad", "192.0.2.1\n\n1.2.3\n"));
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("bad, line 3: \"1.2.3\" is neither"));
  const auto long_line = TargetList::read(folder.file("long", std::string(1 << 20, 'x')));
  ASSERT_FALSE(long_line);
  EXPECT_THAT(long_line.error().message, HasSubstr("line 1: it is too long"));
  EXPECT_THAT(TargetList::read(folder.path("none")).error().message, HasSubstr("no such file"));
  EXPECT_THAT(TargetList::read(folder.path("")).error().message, HasSubstr("is a directory"));
}

}  // namespace
}  // namespace spiderling
