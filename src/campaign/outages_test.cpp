#include "campaign/outages.h"

#include <gtest/gtest.h>

namespace spiderling {
namespace {

using Judgement = Outages::Verdict;

Timestamp at(double seconds) {
  return Timestamp(
      std::chrono::round<std::chrono::nanoseconds>(std::chrono::duration<double>(1000 + seconds)));
}

TEST(Outages, WhileTheNetworkIsThereResultsCount) {
  Outages outages(at(0));
  outages.there(at(1));
  EXPECT_EQ(outages.judge(at(0.1), at(0.9)), Judgement::counts);
  EXPECT_EQ(outages.judge(at(0.1), at(1)), Judgement::counts);
  EXPECT_EQ(outages.judge(at(0.1), at(1.1)), Judgement::wait) << "it may have gone by then";
  outages.there(at(2));
  EXPECT_EQ(outages.judge(at(0.1), at(1.1)), Judgement::counts);
}

TEST(Outages, WhatEndedAfterTheLastGoodSignIsAskedAgain) {
  Outages outages(at(0));
  outages.there(at(1));
  outages.away(at(3), "lab0 is down");
  EXPECT_TRUE(outages.is_away());
  EXPECT_EQ(outages.why(), "lab0 is down");
  EXPECT_EQ(outages.judge(at(0), at(0.9)), Judgement::counts);
  EXPECT_EQ(outages.judge(at(0), at(1)), Judgement::ask_again);
  EXPECT_EQ(outages.judge(at(0), at(2)), Judgement::ask_again);
  EXPECT_EQ(outages.judge(at(2.5), at(9)), Judgement::ask_again);
}

TEST(Outages, ItIsBackWhenItStaysBack) {
  Outages outages(at(0));
  outages.there(at(1));
  outages.away(at(2), "x");
  outages.there(at(3));
  EXPECT_TRUE(outages.is_away());
  outages.there(at(3.9));
  EXPECT_TRUE(outages.is_away());
  outages.away(at(3.95), "y");
  outages.there(at(4));
  outages.there(at(4.99));
  EXPECT_TRUE(outages.is_away());
  EXPECT_EQ(outages.why(), "y");
  outages.there(at(5));
  EXPECT_FALSE(outages.is_away());
  EXPECT_EQ(outages.judge(at(0.5), at(0.9)), Judgement::counts) << "before it";
  EXPECT_EQ(outages.judge(at(0.5), at(1.5)), Judgement::ask_again) << "into it";
  EXPECT_EQ(outages.judge(at(4.5), at(9)), Judgement::ask_again) << "out of it";
  EXPECT_EQ(outages.judge(at(0.5), at(9)), Judgement::ask_again) << "over it";
  outages.there(at(10));
  EXPECT_EQ(outages.judge(at(5.1), at(9)), Judgement::counts) << "after it";
}

TEST(Outages, NoneIsForgottenByTheNext) {
  Outages outages(at(0));
  for (int i = 0; i < 20; ++i) {
    outages.there(at(i * 10));
    outages.away(at(i * 10 + 1), "x");
    outages.there(at(i * 10 + 2));
    outages.there(at(i * 10 + 3));
    EXPECT_FALSE(outages.is_away());
  }
  outages.there(at(200));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(outages.judge(at(i * 10 + 1.5), at(i * 10 + 1.6)), Judgement::ask_again);
    EXPECT_EQ(outages.judge(at(i * 10 + 4), at(i * 10 + 5)), Judgement::counts);
  }
}

}  // namespace
}  // namespace spiderling
