#include "base/handler_meter.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace spiderling {
namespace {

using namespace std::chrono_literals;

TEST(HandlerMeter, CountsCallsAndFailuresAndPassesOnWhatComesOut) {
  HandlerWatch watch(nullptr, {"it"});
  HandlerMeter meter(watch, 0);
  EXPECT_EQ(meter.call([] { return 7; }), 7);
  EXPECT_THROW(meter.call([]() -> int { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_EQ(meter.failed(), 1u);
  EXPECT_EQ(meter.failed(), 2u);
  meter.succeeded();
  EXPECT_EQ(meter.failed(), 1u);
  EXPECT_EQ(meter.figures().calls, 2u);
  EXPECT_EQ(meter.figures().failures, 3u);
}

TEST(HandlerMeter, MeasuresTheFirstCalls) {
  HandlerWatch watch(nullptr, {"it"});
  HandlerMeter meter(watch, 0);
  const auto spin = [] {
    const auto end = std::chrono::steady_clock::now() + 1ms;
    while (std::chrono::steady_clock::now() < end) {
    }
  };
  for (int i = 0; i < 5; ++i) meter.call(spin);
  EXPECT_GE(meter.figures().busy, 4ms);
  EXPECT_GE(meter.figures().longest, 900us);
  EXPECT_LE(meter.figures().longest, meter.figures().busy);
}

// Every call takes a microsecond: whatever is measured of them, they took one each.
TEST(SampledTime, ThoseInBetweenAreTakenToBeLikeTheOneMeasured) {
  SampledTime time;
  std::uint64_t measured = 0;
  const auto took = 1us + Sampling::clock_cost();
  constexpr std::uint64_t calls = Sampling::first_calls + 100 * Sampling::stride;
  for (std::uint64_t call = 1; call <= calls; ++call) {
    if (!time.due(call)) continue;
    ++measured;
    time.add(call, took);
  }
  EXPECT_EQ(time.busy(), std::chrono::nanoseconds(1us) * calls);
  EXPECT_EQ(time.longest(), 1us);
  EXPECT_EQ(measured, Sampling::first_calls + 100);
}

TEST(HandlerFigures, OfSeveralThreadsAreAddedUp) {
  HandlerFigures sum{1, 2, 3, 4ns, 5ns};
  sum += {10, 20, 30, 40ns, 2ns};
  EXPECT_EQ(sum.calls, 11u);
  EXPECT_EQ(sum.failures, 22u);
  EXPECT_EQ(sum.blocked, 33u);
  EXPECT_EQ(sum.busy, 44ns);
  EXPECT_EQ(sum.longest, 5ns);
}

TEST(FailureLimit, ZeroIsNever) {
  EXPECT_TRUE(FailureLimit{3}.reached(3));
  EXPECT_FALSE(FailureLimit{3}.reached(2));
  EXPECT_FALSE(FailureLimit{0}.reached(1'000'000));
}

}  // namespace
}  // namespace spiderling
