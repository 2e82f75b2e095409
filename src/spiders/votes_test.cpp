#include "spiders/votes.h"

#include <gtest/gtest.h>

namespace spiderling {
namespace {

AnsweredJob answer(std::uint64_t line, const char* condition, std::uint16_t port = 0) {
  AnsweredJob answered;
  answered.job.job.line = line;
  answered.job.connections.resize(1);
  answered.job.connections[0].record.sp = port;
  answered.conditions = {{condition, {}}};
  return answered;
}

TEST(Votes, OnceDecidesAtOnce) {
  Votes votes(1);
  const auto decided = votes.add(answer(1, "a"));
  ASSERT_TRUE(decided);
  EXPECT_EQ(1u, decided->times);
  EXPECT_EQ(0u, votes.open());
}

TEST(Votes, AMajorityNeedsNoFurtherTime) {
  Votes votes(5);
  EXPECT_FALSE(votes.add(answer(1, "a")));
  EXPECT_FALSE(votes.add(answer(1, "a")));
  const auto decided = votes.add(answer(1, "a"));
  ASSERT_TRUE(decided);
  EXPECT_EQ(3u, decided->times);
  EXPECT_EQ("a", decided->conditions[0].name);
  EXPECT_EQ(0u, votes.open());
}

TEST(Votes, TheConditionsStandWithTheFlowsTheyComeFrom) {
  Votes votes(3);
  EXPECT_FALSE(votes.add(answer(1, "lost", 10)));
  EXPECT_FALSE(votes.add(answer(1, "works", 20)));
  const auto decided = votes.add(answer(1, "works", 30));
  ASSERT_TRUE(decided);
  EXPECT_EQ("works", decided->conditions[0].name);
  EXPECT_EQ(20, decided->job.connections[0].record.sp);
  EXPECT_EQ(3u, decided->times);
}

TEST(Votes, OfEquallyManyTheFirstCounts) {
  Votes votes(3);
  EXPECT_FALSE(votes.add(answer(1, "a")));
  EXPECT_FALSE(votes.add(answer(1, "b")));
  const auto decided = votes.add(answer(1, "c"));
  ASSERT_TRUE(decided);
  EXPECT_EQ("a", decided->conditions[0].name);
}

TEST(Votes, JobsAreToldApart) {
  Votes votes(3);
  EXPECT_FALSE(votes.add(answer(1, "a")));
  EXPECT_FALSE(votes.add(answer(2, "a")));
  EXPECT_EQ(2u, votes.open());
  const auto decided = votes.add(answer(2, "a"));
  ASSERT_TRUE(decided);
  EXPECT_EQ(2u, decided->job.job.line);
  EXPECT_EQ(1u, votes.open());
}

TEST(Votes, ARunThatEndsDecidesByWhatThereIs) {
  Votes votes(5);
  EXPECT_FALSE(votes.add(answer(1, "a")));
  EXPECT_FALSE(votes.add(answer(1, "b")));
  EXPECT_FALSE(votes.add(answer(1, "b")));
  EXPECT_FALSE(votes.add(answer(2, "c")));
  auto decided = votes.close();
  ASSERT_EQ(2u, decided.size());
  std::ranges::sort(decided, {}, [](const AnsweredJob& one) { return one.job.job.line; });
  EXPECT_EQ("b", decided[0].conditions[0].name);
  EXPECT_EQ(3u, decided[0].times);
  EXPECT_EQ("c", decided[1].conditions[0].name);
  EXPECT_EQ(0u, votes.open());
}

}  // namespace
}  // namespace spiderling
