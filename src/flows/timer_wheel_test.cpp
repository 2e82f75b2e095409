#include "flows/timer_wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace spiderling {
namespace {

constexpr std::int64_t tick = std::int64_t{1} << TimerWheel::tick_bits;
constexpr std::int64_t turn = tick * TimerWheel::slot_count;

// A wheel whose numbers have deadlines, and go back into it until they are due.
class Clock {
 public:
  explicit Clock(std::int64_t now = 0) { wheel.set_clock(now); }

  void add(std::uint32_t number, std::int64_t deadline) {
    deadlines[number] = deadline;
    wheel.add(number, deadline);
  }
  std::set<std::uint32_t> advance(std::int64_t now) {
    std::set<std::uint32_t> due;
    wheel.advance(
        now, [](std::uint32_t) {}, [](std::uint32_t) {},
        [&](std::uint32_t number) {
          ++visits;
          if (deadlines.at(number) > now) return void(wheel.add(number, deadlines.at(number)));
          EXPECT_TRUE(due.insert(number).second) << number << " was given twice";
          deadlines.erase(number);
        });
    return due;
  }

  TimerWheel wheel;
  std::map<std::uint32_t, std::int64_t> deadlines;
  std::size_t visits = 0;
};

using Numbers = std::set<std::uint32_t>;

TEST(TimerWheel, GivesANumberOnceItsDeadlineHasPassedAndNotBefore) {
  Clock clock;
  clock.add(7, 10 * tick);
  EXPECT_EQ(clock.advance(10 * tick - 1), Numbers{});
  EXPECT_EQ(clock.advance(11 * tick), Numbers{7});
  EXPECT_EQ(clock.wheel.size(), 0u);
  EXPECT_EQ(clock.advance(100 * tick), Numbers{});
}

TEST(TimerWheel, IsAtMostTwoTicksLate) {
  for (const std::int64_t deadline : {std::int64_t{1}, tick - 1, tick, tick + 1, 5 * tick + 7, turn - tick}) {
    Clock clock;
    clock.add(1, deadline);
    std::int64_t now = 0;
    while (clock.advance(now).empty()) now += tick / 4;
    EXPECT_GE(now, deadline);
    EXPECT_LT(now, deadline + 2 * tick);
  }
}

TEST(TimerWheel, GivesWhatIsAlreadyDueWithTheNextTick) {
  Clock clock(1000 * tick);
  clock.add(1, 0);
  clock.add(2, 1000 * tick);
  EXPECT_EQ(clock.advance(1000 * tick), Numbers{});
  EXPECT_EQ(clock.advance(1001 * tick), (Numbers{1, 2}));
}

TEST(TimerWheel, KeepsDeadlinesBeyondItsSpan) {
  Clock clock;
  clock.add(1, 5 * turn);
  for (std::int64_t now = 0; now < 5 * turn; now += 10 * tick) EXPECT_EQ(clock.advance(now), Numbers{});
  EXPECT_EQ(clock.advance(5 * turn + tick), Numbers{1});
}

TEST(TimerWheel, AYearCostsOneTurn) {
  Clock clock;
  for (std::uint32_t i = 0; i < 1000; ++i) clock.add(i, i * tick);
  const std::int64_t year = 31'557'600'000'000'000;
  EXPECT_EQ(clock.advance(year).size(), 1000u);
  EXPECT_EQ(clock.visits, 1000u);
}

TEST(TimerWheel, AYearWithDeadlinesBehindItLooksAtEachAFewTimes) {
  Clock clock;
  const std::int64_t year = 31'557'600'000'000'000;
  for (std::uint32_t i = 0; i < 1000; ++i) clock.add(i, 2 * year);
  EXPECT_EQ(clock.advance(year), Numbers{});
  EXPECT_LE(clock.visits, 2000u);
  EXPECT_EQ(clock.advance(3 * year).size(), 1000u);
}

TEST(TimerWheel, AStepBackDoesNothing) {
  Clock clock(100 * tick);
  clock.add(1, 110 * tick);
  EXPECT_EQ(clock.advance(0), Numbers{});
  EXPECT_EQ(clock.advance(112 * tick), Numbers{1});
}

TEST(TimerWheel, LosesNothingWhenItsClockIsSetBack) {
  Clock clock(1'000'000 * tick);
  clock.add(1, 1'000'100 * tick);
  clock.add(2, 1'000'001 * tick);
  clock.wheel.set_clock(50 * tick);
  clock.add(3, 60 * tick);
  Numbers seen;
  for (std::int64_t now = 50 * tick; now < 3 * turn; now += tick) seen.merge(clock.advance(now));
  EXPECT_EQ(seen, Numbers{3});
  EXPECT_EQ(clock.wheel.size(), 2u);
  EXPECT_EQ(clock.advance(1'000'200 * tick), (Numbers{1, 2}));
}

TEST(TimerWheel, TakesWhatIsDueNextFirst) {
  Clock clock(7 * turn + 1000 * tick);
  const std::int64_t now = 7 * turn + 1000 * tick;
  clock.add(3, now + 300 * tick);
  clock.add(1, now + tick);
  clock.add(2, now + 90 * tick);
  EXPECT_EQ(clock.wheel.take_next().number, 1u);
  EXPECT_EQ(clock.wheel.take_next().number, 2u);
  EXPECT_EQ(clock.wheel.take_next().number, 3u);
  EXPECT_EQ(clock.wheel.size(), 0u);
}

// How an owner tells an entry that is out of date from the one that counts.
TEST(TimerWheel, GivesEachEntryInTheSlotThatAddNamed) {
  TimerWheel wheel;
  const std::uint16_t late = wheel.add(1, 100 * tick), early = wheel.add(1, 10 * tick);
  EXPECT_NE(late, early);
  std::vector<std::uint16_t> slots;
  const auto nothing = [](std::uint32_t) {};
  wheel.advance(200 * tick, nothing, nothing, [&](std::uint32_t) { slots.push_back(wheel.slot()); });
  EXPECT_EQ(slots, (std::vector<std::uint16_t>{early, late}));
  const std::uint16_t slot = wheel.add(2, 300 * tick);
  EXPECT_NE(slot, TimerWheel::no_slot);
  EXPECT_EQ(wheel.take_next().slot, slot);
}

TEST(TimerWheel, AnnouncesEachNumberTwiceBeforeItIsGiven) {
  for (const std::uint32_t count : {1u, 7u, 8u, 9u, 15u, 16u, 17u, 100u}) {
    TimerWheel wheel;
    for (std::uint32_t i = 0; i < count; ++i) wheel.add(i, 0);
    std::vector<std::uint32_t> far_ahead, ahead, visited;
    wheel.advance(
        10 * tick, [&](std::uint32_t number) { far_ahead.push_back(number); },
        [&](std::uint32_t number) {
          ahead.push_back(number);
          EXPECT_GE(far_ahead.size(), ahead.size());
        },
        [&](std::uint32_t number) {
          visited.push_back(number);
          EXPECT_GE(ahead.size(), visited.size());
        });
    EXPECT_EQ(visited.size(), count);
    EXPECT_EQ(far_ahead, visited);
    EXPECT_EQ(ahead, visited);
  }
}

TEST(TimerWheel, AgreesWithASortedMapOnRandomOperations) {
  std::mt19937_64 random(1);
  Clock clock;
  std::int64_t now = 0;
  std::uint32_t next_number = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 != 0) {
      const auto far =
          static_cast<std::int64_t>(random() % 8 == 0 ? random() % (10 * turn) : random() % (turn / 2));
      clock.add(next_number++, now + far);
    } else {
      now += static_cast<std::int64_t>(random() % 100 == 0 ? random() % (3 * turn) : random() % (4 * tick));
      const auto deadlines = clock.deadlines;
      const Numbers due = clock.advance(now);
      for (const auto& [number, deadline] : deadlines) {
        ASSERT_TRUE(deadline <= now || !due.contains(number));
        ASSERT_TRUE(deadline > now - 2 * tick || due.contains(number)) << "late by " << now - deadline;
      }
    }
    ASSERT_EQ(clock.wheel.size(), clock.deadlines.size());
  }
}

}  // namespace
}  // namespace spiderling
