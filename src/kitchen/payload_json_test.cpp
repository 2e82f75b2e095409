#include "kitchen/payload_json.h"

#include <gtest/gtest.h>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include <limits>

namespace spiderling {
namespace {

std::string text_of(const Payload& payload) {
  std::string out;
  EXPECT_EQ(append_payload(out, payload), nullptr);
  return out;
}

const char* problem_of(const Payload& payload) {
  std::string out;
  return append_payload(out, payload);
}

Payload nested(int levels) {
  Payload value = 1;
  for (int i = 0; i < levels; ++i) value = boost::json::array{std::move(value)};
  return value;
}

TEST(PayloadJson, IsWrittenOnOneLine) {
  const Payload lookup = {{"lookup", {{"hostname", "a.example"}, {"when", 1515990721.147}}}};
  EXPECT_EQ(text_of(lookup), R"({"lookup":{"hostname":"a.example","when":1515990721.147}})");
  EXPECT_EQ(text_of(boost::json::array{1, true, nullptr, "x", -2}), R"([1,true,null,"x",-2])");
  EXPECT_EQ(text_of(boost::json::object{}), "{}");
  EXPECT_EQ(text_of(boost::json::array{}), "[]");
  EXPECT_EQ(text_of("a\nb\t\"\\\x01\x7f"), R"("a\nb\t\"\\\u0001\u007f")");
  EXPECT_EQ(text_of("Büro"), "\"Büro\"");
}

TEST(PayloadJson, NumbersStayWhatTheyAre) {
  EXPECT_EQ(text_of(2.0), "2.0");
  EXPECT_EQ(text_of(-0.0), "-0.0");
  EXPECT_EQ(text_of(0.1), "0.1");
  EXPECT_EQ(text_of(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(text_of(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  for (const double number : {1e300, 1e16, 1.7976931348623157e308, 5e-324, -1.5e-7, 1515990765.925951}) {
    const Payload again = boost::json::parse(text_of(number));
    ASSERT_TRUE(again.is_double()) << text_of(number);
    EXPECT_DOUBLE_EQ(again.get_double(), number);
  }
}

TEST(PayloadJson, WhatJsonCannotSayIsRefused) {
  EXPECT_NE(problem_of(std::numeric_limits<double>::quiet_NaN()), nullptr);
  EXPECT_NE(problem_of(std::numeric_limits<double>::infinity()), nullptr);
  EXPECT_NE(problem_of({{"deep", {{"inside", -std::numeric_limits<double>::infinity()}}}}), nullptr);
  EXPECT_NE(problem_of("a\xff"), nullptr);
  EXPECT_NE(problem_of("\xc0\xaf"), nullptr);      // overlong
  EXPECT_NE(problem_of("\xed\xa0\x80"), nullptr);  // a surrogate
  EXPECT_NE(problem_of({{"\xff", 1}}), nullptr);   // a key
}

TEST(PayloadJson, DepthHasABound) {
  EXPECT_EQ(problem_of(nested(100)), nullptr);
  EXPECT_NE(problem_of(nested(101)), nullptr);
}

}  // namespace
}  // namespace spiderling
