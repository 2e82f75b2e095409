#include "kitchen/poke_clock.h"

#include <gmock/gmock.h>

#include <vector>

namespace spiderling {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::int64_t> all_due(PokeClock& clock, std::int64_t now) {
  std::vector<std::int64_t> times;
  while (const auto due = clock.due(now)) times.push_back(*due);
  return times;
}

TEST(PokeClock, TheFirstIsDueAtOnce) {
  PokeClock clock(10, PokeClock::Late::each);
  EXPECT_THAT(all_due(clock, 1000), ElementsAre(1000));
  EXPECT_THAT(all_due(clock, 1009), IsEmpty());
  EXPECT_THAT(all_due(clock, 1010), ElementsAre(1010));
}

TEST(PokeClock, OfPacketsTimeEachIntervalHasItsPoke) {
  PokeClock clock(10, PokeClock::Late::each);
  all_due(clock, 0);
  EXPECT_THAT(all_due(clock, 35), ElementsAre(10, 20, 30));
  EXPECT_THAT(all_due(clock, 40), ElementsAre(40));
  EXPECT_EQ(clock.skipped(), 0u);
}

TEST(PokeClock, OfTheDaysTimeLateOnesAreOne) {
  PokeClock clock(10, PokeClock::Late::once);
  all_due(clock, 0);
  EXPECT_THAT(all_due(clock, 35), ElementsAre(35));
  EXPECT_EQ(clock.skipped(), 2u);
  EXPECT_EQ(clock.next(), 40);
}

TEST(PokeClock, AGapOfAYearCostsLittle) {
  constexpr std::int64_t year = std::int64_t{365} * 86400;
  PokeClock clock(1, PokeClock::Late::each);
  all_due(clock, 0);
  const auto made = all_due(clock, year);
  EXPECT_EQ(made.size(), static_cast<std::size_t>(PokeClock::most_in_a_gap));
  EXPECT_EQ(made.back(), year);
  EXPECT_EQ(clock.skipped() + made.size(), static_cast<std::uint64_t>(year));
}

TEST(PokeClock, SetBackItStartsAnInterval) {
  PokeClock clock(10, PokeClock::Late::each);
  all_due(clock, 1000);
  clock.set_back(500);
  EXPECT_THAT(all_due(clock, 509), IsEmpty());
  EXPECT_THAT(all_due(clock, 510), ElementsAre(510));
}

TEST(PokeClock, TimesAtTheEndOfTimeDoNotOverflow) {
  PokeClock clock(1, PokeClock::Late::each);
  all_due(clock, 0);
  EXPECT_EQ(all_due(clock, std::int64_t{1} << 62).size(), static_cast<std::size_t>(PokeClock::most_in_a_gap));
}

}  // namespace
}  // namespace spiderling
