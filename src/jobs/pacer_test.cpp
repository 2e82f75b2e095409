#include "jobs/pacer.h"

#include <gtest/gtest.h>

#include <fmt/format.h>
#include <map>

#include "jobs/test_jobs.h"

namespace spiderling {
namespace {

using namespace std::chrono_literals;

// Takes all that is to be had while a time of the test's own goes on.
class PacerTest : public ::testing::Test {
 protected:
  void add(Pacer& pacer, std::string_view dip, std::uint64_t line) {
    ASSERT_TRUE(pacer.has_room());
    pacer.add(job_at(dip, "", line), now);
  }
  std::vector<std::uint64_t> take(Pacer& pacer) {
    std::vector<std::uint64_t> lines;
    Job job;
    while (pacer.take(now, job)) lines.push_back(job.line);
    return lines;
  }
  Pacer::Time now{1h};
};

TEST_F(PacerTest, WithoutARateAllGoAtOnceAndInOrder) {
  Pacer pacer({});
  for (std::uint64_t i = 1; i <= 3; ++i) add(pacer, "192.0.2.1", i);
  EXPECT_EQ(take(pacer), (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(pacer.waiting(), 0u);
}

TEST_F(PacerTest, AllTogetherAreNoFasterThanTheRate) {
  Pacer pacer({.rate = 500});
  for (std::uint64_t i = 0; i < 10'000; ++i) add(pacer, fmt::format("10.{}.{}.1", i / 250, i % 250), i);
  std::vector<std::pair<Pacer::Time, std::size_t>> given;
  std::size_t all = 0;
  const auto start = now;
  while (all < 2000) {
    all += take(pacer).size();
    given.emplace_back(now, all);
    now += 5ms;
  }
  EXPECT_NEAR(std::chrono::duration<double>(now - start).count(), 4.0, 0.1) << "nor slower";
  for (std::size_t i = 0; i + 200 < given.size(); ++i)
    ASSERT_LE(given[i + 200].second - given[i].second, 511u) << "in a second from " << i;
}

TEST_F(PacerTest, NeighboursWaitForEachOtherAndOthersPassThem) {
  Pacer pacer({.rate_per_prefix = 10});
  for (std::uint64_t i = 0; i < 3; ++i) add(pacer, fmt::format("192.0.2.{}", i), i);
  add(pacer, "192.0.3.1", 10);
  add(pacer, "2001:db8::1", 20);
  add(pacer, "2001:db8:0:ffff::1", 21);
  add(pacer, "2001:db8:1::1", 30);
  pacer.add(job_at("", "example.org", 40), now);
  EXPECT_EQ(take(pacer), (std::vector<std::uint64_t>{40, 0, 10, 20, 30}));
  now += 99ms;
  EXPECT_EQ(take(pacer), std::vector<std::uint64_t>{});
  now += 1ms;
  EXPECT_EQ(take(pacer), (std::vector<std::uint64_t>{1, 21}));
  add(pacer, "192.0.2.77", 3);
  EXPECT_EQ(take(pacer), std::vector<std::uint64_t>{}) << "behind its neighbours";
  now += 100ms;
  EXPECT_EQ(take(pacer), std::vector<std::uint64_t>{2});
  now += 100ms;
  EXPECT_EQ(take(pacer), std::vector<std::uint64_t>{3});
}

TEST_F(PacerTest, AFullRoomTakesNoMoreAndLosesNone) {
  Pacer pacer({.rate_per_prefix = 1, .room = 5});
  for (std::uint64_t i = 0; i < 5; ++i) add(pacer, "192.0.2.1", i);
  EXPECT_FALSE(pacer.has_room());
  EXPECT_EQ(take(pacer), std::vector<std::uint64_t>{0});
  EXPECT_TRUE(pacer.has_room());
  std::vector<std::uint64_t> rest;
  for (const Job& job : pacer.clear()) rest.push_back(job.line);
  EXPECT_EQ(rest, (std::vector<std::uint64_t>{1, 2, 3, 4}));
  EXPECT_EQ(pacer.waiting(), 0u);
}

// A caller that looks every 5 ms gets a prefix's rate all the same, as long as jobs of it wait.
TEST_F(PacerTest, AHighRateOfAPrefixIsKeptByACallerThatLooksSeldom) {
  Pacer pacer({.rate_per_prefix = 1000});
  for (std::uint64_t i = 0; i < 1000; ++i) add(pacer, "192.0.2.1", i);
  const auto start = now;
  std::size_t all = 0;
  while (all < 1000) {
    all += take(pacer).size();
    now += 5ms;
  }
  EXPECT_NEAR(std::chrono::duration<double>(now - start).count(), 1.0, 0.05);
}

}  // namespace
}  // namespace spiderling
