#include "campaign/time_text.h"

#include <gtest/gtest.h>

#include "spiders/result_json.h"

namespace spiderling {
namespace {

std::string again(std::string_view text) {
  const auto time = parse_time(text);
  if (!time) return "none";
  std::string out;
  append_rfc3339(*time, out);
  return out;
}

TEST(TimeText, WhatResultsHaveIsReadBack) {
  for (const char* text :
       {"2026-11-22T04:58:47.000123Z", "1970-01-01T00:00:00.000000Z", "2024-02-29T23:59:59.999999Z",
        "1969-12-31T23:59:59.500000Z", "2261-12-31T00:00:00.000000Z"})
    EXPECT_EQ(text, again(text));
}

TEST(TimeText, OlderFormsAreTaken) {
  EXPECT_EQ("2016-05-03T12:11:01.123000Z", again("2016-05-03 12:11:01.123"));
  EXPECT_EQ("2016-05-03T12:11:01.000000Z", again("2016-05-03T12:11:01+00:00"));
  EXPECT_EQ("2016-05-03T12:11:01.123456Z", again("2016-05-03T12:11:01.123456789123z"));
  EXPECT_EQ(123'456'789, parse_time("1970-01-01T00:00:00.1234567899Z")->time_since_epoch().count());
}

TEST(TimeText, AnythingElseIsNoTime) {
  for (const char* text :
       {"", "2016", "2016-13-03T12:11:01Z", "2016-02-30T12:11:01Z", "2016-05-03T24:00:00Z",
        "2016-05-03T12:61:01Z", "2016-05-03T12:11:01.Z", "2016-05-03T12:11:01Zz", "2016-05-03T12:11:01+01:00",
        "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z", "-016-05-03T12:11:01Z", "2016-05-03X12:11:01Z"})
    EXPECT_EQ("none", again(text)) << text;
}

}  // namespace
}  // namespace spiderling
