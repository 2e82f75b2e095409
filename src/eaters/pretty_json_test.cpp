#include "eaters/pretty_json.h"

#include <gtest/gtest.h>

#include <random>

namespace spiderling {
namespace {

// Each expectation is what Python 3.11 prints for json.dumps(json.loads(text), sort_keys=True, indent=4).
TEST(PrettyJson, AsPythonPrints) {
  EXPECT_EQ(pretty_json(R"({"b":1,"a":[1,2,{"x":null}],"c":{}, "d":[]})", false), R"({
    "a": [
        1,
        2,
        {
            "x": null
        }
    ],
    "b": 1,
    "c": {},
    "d": []
})");
}

TEST(PrettyJson, Scalars) {
  EXPECT_EQ(pretty_json("true", false), "true");
  EXPECT_EQ(pretty_json(" \n\"text\" ", false), "\"text\"");
  EXPECT_EQ(pretty_json("[]", false), "[]");
}

TEST(PrettyJson, Numbers) {
  const auto one = [](const char* text) { return pretty_json(text, false); };
  EXPECT_EQ(one("12345678901234567890123"), "12345678901234567890123");
  EXPECT_EQ(one("-0"), "0");
  EXPECT_EQ(one("-0.0"), "-0.0");
  EXPECT_EQ(one("1.0"), "1.0");
  EXPECT_EQ(one("1.50"), "1.5");
  EXPECT_EQ(one("1e3"), "1000.0");
  EXPECT_EQ(one("1E+22"), "1e+22");
  EXPECT_EQ(one("1e-7"), "1e-07");
  EXPECT_EQ(one("0.0001"), "0.0001");
  EXPECT_EQ(one("1515990765.925951"), "1515990765.925951");
  EXPECT_EQ(one("123456789012345680.0"), "1.2345678901234568e+17");
  EXPECT_EQ(one("1e999"), "1e999") << "Python prints Infinity, which is no JSON";
}

TEST(PrettyJson, TextsBeyondAsciiAreEscaped) {
  EXPECT_EQ(pretty_json("\"h\xc3\xa4 \xf0\x9f\x98\x80\"", false), R"("h\u00e4 \ud83d\ude00")");
  EXPECT_EQ(pretty_json(R"("\u0041\/\u00e4\ud83d\ude00\ud800\n\u001b")", false),
            "\"A/\\u00e4\\ud83d\\ude00\\ud800\\n\\u001b\"");
  EXPECT_EQ(pretty_json(R"("quote \" backslash \\ tab \t")", false), R"("quote \" backslash \\ tab \t")");
}

TEST(PrettyJson, KeysSortByCharacterAndTheLastOfTwoCounts) {
  EXPECT_EQ(pretty_json(R"({"b":1,"B":2,"\u0061":3,"a":4,"ä":5,"a ":6})", false), R"({
    "B": 2,
    "a": 4,
    "a ": 6,
    "b": 1,
    "\u00e4": 5
})");
}

TEST(PrettyJson, Colors) {
  EXPECT_EQ(pretty_json(R"({"a":"b","c":1})", true),
            "{\n    \x1b[94m\"a\"\x1b[39;49;00m: \x1b[33m\"b\"\x1b[39;49;00m,\n"
            "    \x1b[94m\"c\"\x1b[39;49;00m: \x1b[34m1\x1b[39;49;00m\n}");
}

TEST(PrettyJson, WhatIsNoJsonDoesNoHarm) {
  for (const char* text : {"", "{", "[", "\"", "\"\\", "\"\\u", "{\"a\"", "{\"a\":", "[1,", "}", "]", ",",
                           ":", "[}", "{]", "[,,]", "{\"a\":}", "[\xf0", "\"\xf0"}) {
    pretty_json(text, true);
  }
  std::string deep(100'000, '[');
  pretty_json(deep, false);
  std::minstd_rand random(5);
  constexpr std::string_view alphabet = "{}[]\",:\\u1e.-t \xc3";
  for (int round = 0; round < 5000; ++round) {
    std::string text(random() % 40, ' ');
    for (char& c : text) c = alphabet[random() % alphabet.size()];
    pretty_json(text, false);
  }
}

}  // namespace
}  // namespace spiderling
