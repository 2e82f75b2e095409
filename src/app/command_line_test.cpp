#include "app/command_line.h"

#include <gtest/gtest.h>

#include <string>

namespace spiderling::app {
namespace {

TEST(CommandLine, CountsAreWholeNumbers) {
  CLI::Validator count = count_from(1);
  for (std::string good : {"1", "1000000000000", "18446744073709551615"}) EXPECT_EQ(count(good), "");
  for (const std::string bad :
       {"", "0", "-1", "18446744073709551616", "1.5", "1e3", "many", "1 000", "0x10"}) {
    std::string text = bad;
    EXPECT_EQ(count(text), bad + " is no whole number from 1 on");
  }
}

TEST(CommandLine, ZeroCountsWhereItMeansSomething) {
  CLI::Validator count = count_from(0);
  std::string zero = "0";
  EXPECT_EQ(count(zero), "");
}

TEST(CommandLine, NumbersAreWithinTheirBounds) {
  CLI::Validator number = number_between(0.5, 2);
  for (std::string good : {"0.5", "2", "1e0"}) EXPECT_EQ(number(good), "");
  for (std::string bad : {"0.4", "2.1", "nan", "inf", "-1", "two", ""}) EXPECT_NE(number(bad), "") << bad;
}

}  // namespace
}  // namespace spiderling::app
