#include "spiders/condition_counts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace spiderling {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Condition condition(std::string name, std::string value = {}) { return {std::move(name), std::move(value)}; }

TEST(AspectOf, IsTheNameWithoutItsLastWord) {
  EXPECT_EQ(aspect_of("ecn.connectivity.works"), "ecn.connectivity");
  EXPECT_EQ(aspect_of("dscp.48.replymark:0"), "dscp.48");
  EXPECT_EQ(aspect_of("mss.option.value:1.5"), "mss.option");
  EXPECT_EQ(aspect_of("plain"), "");
  EXPECT_EQ(aspect_of(""), "");
}

TEST(ConditionCounts, WithoutConditionsThereIsNoTable) {
  ConditionCounts counts;
  EXPECT_EQ(counts.table(), "");
  counts.add({});
  EXPECT_EQ(counts.table(), "");
  EXPECT_EQ(counts.jobs(), 1u);
}

TEST(ConditionCounts, TheTableGroupsByAspectMostFrequentFirst) {
  ConditionCounts counts;
  for (int i = 0; i < 1000; ++i) {
    std::vector<Condition> found{condition(i < 940 ? "ecn.connectivity.works" : "ecn.connectivity.broken")};
    if (i % 10 == 0) found.push_back(condition("dscp.48.replymark", i % 20 == 0 ? "0" : "48"));
    if (i == 7) found.push_back(condition("pathspider.not_observed"));
    counts.add(found);
  }
  EXPECT_EQ(counts.table(),
            "condition                     jobs    share\n"
            "dscp.48.replymark:0             50    5.0 %\n"
            "dscp.48.replymark:48            50    5.0 %\n"
            "\n"
            "ecn.connectivity.works         940   94.0 %\n"
            "ecn.connectivity.broken         60    6.0 %\n"
            "\n"
            "pathspider.not_observed          1    0.1 %\n");
}

TEST(ConditionCounts, ColourChangesNothingElse) {
  ConditionCounts counts;
  const std::vector<Condition> found{condition("a.b.c"), condition("d")};
  counts.add(found);
  std::string colored = counts.table(true);
  EXPECT_THAT(colored, HasSubstr("\033["));
  EXPECT_THAT(counts.table(), Not(HasSubstr("\033")));
  for (std::size_t start; (start = colored.find('\033')) != std::string::npos;)
    colored.erase(start, colored.find('m', start) + 1 - start);
  EXPECT_EQ(colored, counts.table());
}

TEST(ConditionCounts, TheOrderOfTheJobsDoesNotMatter) {
  std::vector<std::vector<Condition>> jobs;
  for (int i = 0; i < 200; ++i)
    jobs.push_back({condition("a.b." + std::to_string(i % 7)), condition("c.d", std::to_string(i % 5))});
  ConditionCounts first;
  for (const auto& job : jobs) first.add(job);
  std::shuffle(jobs.begin(), jobs.end(), std::mt19937(4));
  ConditionCounts second;
  for (const auto& job : jobs) second.add(job);
  EXPECT_EQ(first.table(), second.table());
}

TEST(ConditionCounts, MoreThanItHoldsAreCountedTogether) {
  ConditionCounts counts(3);
  for (int i = 0; i < 10; ++i) {
    const std::vector<Condition> found{condition("port", std::to_string(i)), condition("x.y")};
    counts.add(found);
  }
  EXPECT_EQ(counts.list().size(), 3u);
  EXPECT_EQ(counts.others(), 8u);
  EXPECT_THAT(counts.table(), HasSubstr("(others)           8   80.0 %"));
}

TEST(ConditionCounts, NothingSteersATerminalAndNothingIsEndless) {
  ConditionCounts counts;
  const std::vector<Condition> found{condition("a.b\n", "\033[31m\xff"),
                                     condition("long." + std::string(5000, 'x'))};
  counts.add(found);
  const std::string table = counts.table();
  EXPECT_THAT(table, HasSubstr("a.b?:?[31m?"));
  EXPECT_EQ(table.find('\033'), std::string::npos);
  EXPECT_LT(table.size(), 1000u);
}

}  // namespace
}  // namespace spiderling
