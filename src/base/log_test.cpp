#include "base/log.h"

#include <gtest/gtest.h>

namespace spiderling::log {
namespace {

using namespace std::chrono_literals;

const std::chrono::system_clock::time_point noon{std::chrono::seconds(1515990765) + 92ms};

TEST(Log, TextLine) {
  EXPECT_EQ(format_line(Format::text, noon, Level::info, "kitchen connected",
                        {{"kitchen", "default_kitchen"}, {"port", 41234}, {"tls", false}}),
            "2018-01-15T04:32:45.092Z INFO  kitchen connected kitchen=default_kitchen port=41234 tls=false");
}

TEST(Log, JsonLine) {
  EXPECT_EQ(format_line(Format::json, noon, Level::warning, "eater is slow",
                        {{"eater", std::string("a b")}, {"dropped", std::uint64_t{7}}, {"share", 0.5}}),
            R"({"time":"2018-01-15T04:32:45.092Z","level":"warning","event":"eater is slow","eater":"a b",)"
            R"("dropped":7,"share":0.5})");
}

TEST(Log, ValuesCannotBreakTheLine) {
  const auto line =
      format_line(Format::text, noon, Level::info, "hello", {{"name", "a\nb \x1b[2J"}, {"none", ""}});
  EXPECT_TRUE(line.ends_with(R"(name="a\nb \u001b[2J" none="")")) << line;
}

TEST(Log, Names) {
  EXPECT_EQ(parse_level("warning"), Level::warning);
  EXPECT_EQ(parse_format("json"), Format::json);
  EXPECT_FALSE(parse_level("loud").has_value());
  EXPECT_FALSE(parse_format("xml").has_value());
}

TEST(Log, RateLimitLetsOneThroughPerPeriodAndCountsTheRest) {
  RateLimit limit(1s);
  const std::chrono::steady_clock::time_point start{};
  EXPECT_TRUE(limit.allow(start));
  EXPECT_EQ(limit.suppressed(), 0u);
  for (int i = 1; i < 10; ++i) EXPECT_FALSE(limit.allow(start + i * 100ms));
  EXPECT_TRUE(limit.allow(start + 1s));
  EXPECT_EQ(limit.suppressed(), 9u);
}

TEST(Log, RateLimitOfSeveral) {
  RateLimit limit(1s, 3);
  const std::chrono::steady_clock::time_point start{};
  int passed = 0;
  for (int i = 0; i < 10; ++i) passed += limit.allow(start) ? 1 : 0;
  EXPECT_EQ(passed, 3);
  EXPECT_TRUE(limit.allow(start + 1s));
  EXPECT_EQ(limit.suppressed(), 7u);
}

}  // namespace
}  // namespace spiderling::log
