#include "app/progress_line.h"

#include <gtest/gtest.h>

namespace spiderling::app {
namespace {

using namespace std::chrono_literals;

TEST(ShortNumber, has_three_digits_and_a_unit) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(999), "999");
  EXPECT_EQ(short_number(1000), "1.00k");
  EXPECT_EQ(short_number(12'345), "12.3k");
  EXPECT_EQ(short_number(999'950), "1.00M");
  EXPECT_EQ(short_number(4.56e9), "4.56G");
}

TEST(ProgressLine, tells_share_and_time_left_where_the_total_is_known) {
  PipelineProgress progress;
  progress.packets = 3'000'000;
  progress.records = 1200;
  progress.source = {25, 100};
  EXPECT_EQ(ProgressLine::text(progress, 30s), "3.00M packets (100k/s), 1.20k records, 25 %, 01:30 left");
}

TEST(ProgressLine, guesses_nothing_without_a_total) {
  PipelineProgress progress;
  progress.packets = 10;
  progress.source = {1000, 0};
  EXPECT_EQ(ProgressLine::text(progress, 1s), "10 packets (10/s), 0 records");
}

}  // namespace
}  // namespace spiderling::app
