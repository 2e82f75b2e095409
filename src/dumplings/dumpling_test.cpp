#include "dumplings/dumpling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spiderling {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view lookup =
    R"({"metadata": {"chef": "DNSLookupChef", "kitchen": "default_kitchen", "creation_time": 1515990765.925951, )"
    R"("driver": "packet"}, "payload": {"lookup": {"hostname": "myspace.com", "when": 1515990721.147}}})";

std::string with_payload(std::string_view payload) {
  return fmt::format(
      R"({{"metadata":{{"chef":"C","kitchen":null,"creation_time":1,"driver":"interval"}},"payload":{}}})",
      payload);
}
std::string with_metadata(std::string_view metadata) {
  return fmt::format(R"({{"metadata":{},"payload":1}})", metadata);
}

// What is wrong with it, or "" if nothing is.
std::string problem_of(std::string_view text) {
  DumplingReader reader;
  const auto dumpling = reader.read(text);
  return dumpling ? std::string() : dumpling.error().message;
}

TEST(Dumpling, WhatNetdumplingsWrites) {
  DumplingReader reader;
  const auto dumpling = reader.read(lookup);
  ASSERT_TRUE(dumpling) << dumpling.error().message;
  EXPECT_EQ(dumpling->chef, "DNSLookupChef");
  EXPECT_EQ(dumpling->kitchen, "default_kitchen");
  EXPECT_EQ(dumpling->driver, "packet");
  EXPECT_FALSE(dumpling->from_interval());
  EXPECT_DOUBLE_EQ(dumpling->creation_time, 1515990765.925951);
  EXPECT_EQ(dumpling->payload, R"({"lookup": {"hostname": "myspace.com", "when": 1515990721.147}})");
}

TEST(Dumpling, KitchenMayBeNull) {
  DumplingReader reader;
  const auto text = with_payload("[1, 2]");
  const auto dumpling = reader.read(text);
  ASSERT_TRUE(dumpling) << dumpling.error().message;
  EXPECT_FALSE(dumpling->kitchen);
  EXPECT_TRUE(dumpling->from_interval());
}

TEST(Dumpling, PayloadIsGivenAsItWasWritten) {
  DumplingReader reader;
  for (const std::string_view payload :
       {"0", "-1.50e+3", "\"text\"", "true", "[]", "{}", "[ {} , [1] ]", "{\"a\" :1 }"}) {
    const auto text = with_payload(fmt::format(" {} ", payload));
    const auto dumpling = reader.read(text);
    ASSERT_TRUE(dumpling) << payload << ": " << dumpling.error().message;
    EXPECT_EQ(dumpling->payload, payload);
  }
}

TEST(Dumpling, OrderOfKeysAndOtherKeysDoNotMatter) {
  EXPECT_EQ(problem_of(R"({"payload":{"a":[1]},"more":[{}],"metadata":{"driver":"packet","x":{"y":[null]},)"
                       R"("creation_time":0,"kitchen":"k","chef":"c"}})"),
            "");
}

TEST(Dumpling, OfAKeyThatComesTwiceTheLastCounts) {
  DumplingReader reader;
  const std::string text =
      R"({"metadata":1,"payload":null,"metadata":{"chef":1,"chef":"b","kitchen":"k","kitchen":null,)"
      R"("creation_time":1,"driver":"packet"},"payload":2})";
  EXPECT_FALSE(reader.read(text)) << "metadata that is no object is wrong wherever it stands";
  const std::string last_wins =
      R"({"metadata":{"chef":"a","chef":"b","kitchen":"k","kitchen":null,"creation_time":1,)"
      R"("driver":"packet"},"payload":null,"payload":2})";
  const auto dumpling = reader.read(last_wins);
  ASSERT_TRUE(dumpling) << dumpling.error().message;
  EXPECT_EQ(dumpling->chef, "b");
  EXPECT_FALSE(dumpling->kitchen);
  EXPECT_EQ(dumpling->payload, "2");
  EXPECT_EQ(problem_of(R"({"metadata":{"chef":"a","kitchen":null,"creation_time":1,"driver":"packet"},)"
                       R"("metadata":{"chef":"a"},"payload":1})"),
            "it has no metadata.kitchen");
}

TEST(Dumpling, EscapedNamesAreUnderstood) {
  DumplingReader reader;
  const auto dumpling = reader.read(
      R"({"m\u0065tadata":{"chef":"\u0041\"","kitchen":"\ud83e\udd5f","creation_time":1,"driver":"p\u0061cket"},"payload":1})");
  ASSERT_TRUE(dumpling) << dumpling.error().message;
  EXPECT_EQ(dumpling->chef, "A\"");
  EXPECT_EQ(dumpling->kitchen, "🥟");
}

TEST(Dumpling, NumbersBeyondDoublesAreLeftAsTheyAre) {
  DumplingReader reader;
  for (const std::string_view number :
       {"1e999", "-1e999", "123456789012345678901234567890", "0.1234567890123456789012345678901234567890",
        "1e-999", "18446744073709551616", "-0"}) {
    const auto text = with_payload(number);
    const auto dumpling = reader.read(text);
    ASSERT_TRUE(dumpling) << number << ": " << dumpling.error().message;
    EXPECT_EQ(dumpling->payload, number);
  }
  EXPECT_EQ(
      problem_of(with_metadata(R"({"chef":"c","kitchen":null,"creation_time":1e999,"driver":"packet"})")),
      "metadata.creation_time is not a time");
}

TEST(Dumpling, LoneSurrogatesInAPayloadPass) { EXPECT_EQ(problem_of(with_payload(R"("\udc80")")), ""); }

TEST(Dumpling, NotADumpling) {
  EXPECT_EQ(problem_of(""), "it is empty");
  EXPECT_EQ(problem_of("   "), "it is empty");
  EXPECT_THAT(problem_of("hello"), HasSubstr("not"));
  EXPECT_EQ(problem_of("[1]"), "it is not a JSON object");
  EXPECT_EQ(problem_of("null"), "it is not a JSON object");
  EXPECT_EQ(problem_of("{}"), "it has no metadata");
  EXPECT_EQ(problem_of(R"({"payload":1})"), "it has no metadata");
  EXPECT_EQ(problem_of(R"({"metadata":[],"payload":1})"), "metadata is not an object");
  EXPECT_EQ(problem_of(with_metadata("{}")), "it has no metadata.chef");
  EXPECT_EQ(problem_of(with_metadata(R"({"chef":"c"})")), "it has no metadata.kitchen");
  EXPECT_EQ(problem_of(with_metadata(R"({"chef":7})")), "metadata.chef is not a string");
  EXPECT_EQ(problem_of(with_metadata(R"({"chef":null})")), "metadata.chef is not a string");
  EXPECT_EQ(problem_of(with_metadata(R"({"chef":"c","kitchen":3})")),
            "metadata.kitchen is neither a string nor null");
  EXPECT_EQ(problem_of(with_metadata(R"({"chef":"c","kitchen":"k","creation_time":1})")),
            "it has no metadata.driver");
  EXPECT_EQ(problem_of(with_metadata(R"({"chef":"c","kitchen":"k","driver":"packet"})")),
            "it has no metadata.creation_time");
  EXPECT_EQ(problem_of(with_metadata(R"({"chef":"c","kitchen":"k","creation_time":"1","driver":"packet"})")),
            "metadata.creation_time is not a number");
  EXPECT_EQ(problem_of(with_metadata(R"({"chef":"c","kitchen":"k","creation_time":1,"driver":"oven"})")),
            "metadata.driver is neither packet nor interval");
  EXPECT_EQ(problem_of(with_payload("null")), "it has no payload");
  EXPECT_EQ(problem_of(R"({"metadata":{"chef":"c","kitchen":null,"creation_time":1,"driver":"packet"}})"),
            "it has no payload");
}

TEST(Dumpling, InvalidUtf8) {
  EXPECT_EQ(problem_of(with_payload("\"\xff\"")), "it is not UTF-8");
  EXPECT_EQ(problem_of(with_payload("\"\xed\xa0\x80\"")), "it is not UTF-8");
  EXPECT_EQ(problem_of(with_payload("\"\xc3\"")), "it is not UTF-8");
}

// Each as the payload: On-Demand alone would skip over most of them.
TEST(Dumpling, AWrongPayloadIsFoundAlthoughNobodyNeedsIt) {
  for (const std::string_view wrong : {"tru",
                                       "nul",
                                       "falsee",
                                       "True",
                                       "NaN",
                                       "Infinity",
                                       "01",
                                       "1.",
                                       ".5",
                                       "+1",
                                       "1e",
                                       "1e+",
                                       "-",
                                       "--1",
                                       "0x1",
                                       "1 2",
                                       "'a'",
                                       "\"\\x\"",
                                       "\"\\u12g4\"",
                                       "\"\\u123\"",
                                       "\"a\" \"b\"",
                                       "\"a\"b",
                                       "[1,]",
                                       "[,1]",
                                       "[1 2]",
                                       "[1",
                                       "[1}",
                                       "{1:2}",
                                       "{\"a\"}",
                                       "{\"a\":}",
                                       "{\"a\":\"b\":}",
                                       "{\"a\":\"b\":1}",
                                       "{\"a\":1,}",
                                       "{\"a\" 1}",
                                       "{,}",
                                       "{\"a\":1 \"b\":2}",
                                       "{\"\\q\":1}",
                                       "{\"a\":tru}",
                                       "[[[nul]]]",
                                       "{\"a\":\"b\":\"c\"}",
                                       "{\"a\":\"b\":1}",
                                       "[\"a\":1]",
                                       "[{\"a\":[1,2,{\"b\":0123}]}]",
                                       "\"\t\"",
                                       "\"a",
                                       "",
                                       "]",
                                       "1,",
                                       "/**/1",
                                       "[1]]",
                                       "{\"a\":1}}"}) {
    EXPECT_THAT(problem_of(with_payload(wrong)), HasSubstr("not JSON")) << wrong;
  }
}

TEST(Dumpling, NothingMayFollow) {
  EXPECT_THAT(problem_of(fmt::format("{}x", lookup)), HasSubstr("not JSON"));
  EXPECT_THAT(problem_of(fmt::format("{}{{}}", lookup)), HasSubstr("not JSON"));
  EXPECT_EQ(problem_of(fmt::format("{} \r\n\t", lookup)), "");
}

TEST(Dumpling, EveryCutIsRefused) {
  DumplingReader reader;
  for (std::size_t length = 0; length < lookup.size(); ++length) {
    EXPECT_FALSE(reader.read(lookup.substr(0, length))) << length;
  }
}

TEST(Dumpling, DepthIsBounded) {
  const auto nested = [](std::size_t depth) {
    return with_payload(fmt::format("{}{}", std::string(depth, '['), std::string(depth, ']')));
  };
  EXPECT_EQ(problem_of(nested(250)), "");
  EXPECT_EQ(problem_of(nested(300)), "it is nested too deeply");
  EXPECT_EQ(problem_of(nested(500'000)), "it is nested too deeply");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += R"({"a":)";
  EXPECT_EQ(problem_of(with_payload(fmt::format("{}1{}", objects, std::string(100'000, '}')))),
            "it is nested too deeply");
}

TEST(Dumpling, LongOnesAndTheSameReaderAgain) {
  DumplingReader reader;
  const auto text = with_payload(fmt::format("\"{}\"", std::string(10'000'000, 'x')));
  const auto dumpling = reader.read(text);
  ASSERT_TRUE(dumpling) << dumpling.error().message;
  EXPECT_EQ(dumpling->payload.size(), 10'000'002u);
  EXPECT_FALSE(reader.read("{"));
  EXPECT_TRUE(reader.read(lookup));
}

TEST(Dumpling, WhatStandsBehindThePaddedTextDoesNotMatter) {
  DumplingReader reader;
  const std::string buffer = fmt::format("{}{}", lookup, std::string(DumplingReader::padding, '{'));
  EXPECT_TRUE(reader.read_padded(std::string_view(buffer).substr(0, lookup.size())));
  const std::string quotes = fmt::format("{}{}", lookup, std::string(DumplingReader::padding, '"'));
  EXPECT_TRUE(reader.read_padded(std::string_view(quotes).substr(0, lookup.size())));
}

}  // namespace
}  // namespace spiderling
