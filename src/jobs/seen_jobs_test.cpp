#include "jobs/seen_jobs.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "jobs/test_jobs.h"

namespace spiderling {
namespace {

Job numbered(std::uint32_t number) {
  Job job;
  job.dip = address("10.0.0.0");
  for (unsigned i = 0; i < 3; ++i) job.dip.bytes[3 - i] = static_cast<std::uint8_t>(number >> 8 * i);
  return job;
}

// The example of the paper (appendix A): key and input count up from 0.
TEST(KeyedHash, IsSipHash) {
  std::string input;
  for (char i = 0; i < 15; ++i) input += i;
  EXPECT_EQ(keyed_hash({0x0706050403020100, 0x0f0e0d0c0b0a0908}, input), 0xa129ca6149be45e5);
}

TEST(SeenJobs, AJobIsItsAddressPortAndDomain) {
  SeenJobs seen;
  Job job = job_at("192.0.2.1", "example.org");
  EXPECT_FALSE(seen.seen_before(job));
  EXPECT_TRUE(seen.seen_before(job));
  job.members = "\"rank\":1";
  job.domain = "Example.ORG";
  EXPECT_TRUE(seen.seen_before(job)) << "of a name, case does not matter, and no other member does";
  job.dp = 80;
  EXPECT_FALSE(seen.seen_before(job));
  job.dp = 443;
  EXPECT_FALSE(seen.seen_before(job));
  job.domain = "example.net";
  EXPECT_FALSE(seen.seen_before(job));
  EXPECT_FALSE(seen.seen_before(job_at("192.0.2.1")));
  EXPECT_FALSE(seen.seen_before(job_at("", "example.org")));
  EXPECT_FALSE(seen.seen_before(job_at("c000:0201::", "example.org"))) << "the same bytes in IPv6";
}

TEST(SeenJobs, AMillionCostNoMoreThan16Megabytes) {
  SeenJobs seen;
  constexpr std::uint32_t count = 1'000'000;
  for (std::uint32_t i = 0; i < count; ++i) ASSERT_FALSE(seen.seen_before(numbered(i)));
  EXPECT_LE(seen.bytes(), 16'000'000u);
  EXPECT_EQ(seen.forgotten(), 0u);
  for (std::uint32_t i = 0; i < count; ++i) ASSERT_TRUE(seen.seen_before(numbered(i)));
}

TEST(SeenJobs, WhenFullTheOlderHalfIsForgotten) {
  SeenJobs seen(1000);
  for (std::uint32_t i = 0; i < 1000; ++i) ASSERT_FALSE(seen.seen_before(numbered(i)));
  EXPECT_EQ(seen.forgotten(), 0u);
  for (std::uint32_t i = 0; i < 1000; ++i) ASSERT_TRUE(seen.seen_before(numbered(i)));
  EXPECT_FALSE(seen.seen_before(numbered(1000)));
  EXPECT_EQ(seen.forgotten(), 500u);
  for (std::uint32_t i = 500; i <= 1000; ++i) ASSERT_TRUE(seen.seen_before(numbered(i)));
  EXPECT_FALSE(seen.seen_before(numbered(0)));
  const std::size_t bytes = seen.bytes();
  for (std::uint32_t i = 2000; i < 50'000; ++i) ASSERT_FALSE(seen.seen_before(numbered(i)));
  EXPECT_LE(seen.bytes(), 3 * bytes);
}

}  // namespace
}  // namespace spiderling
