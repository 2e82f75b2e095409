// How often a handler of a plugin ran, how often it failed, and for how long it ran.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/watchdog.h"

namespace spiderling {

/// What is known of one handler. A value.
struct HandlerFigures {
  std::uint64_t calls = 0;
  std::uint64_t failures = 0;  ///< of them: it threw
  std::uint64_t blocked = 0;   ///< of them: a watchdog found it running for longer than it likes
  /// Of all calls: measured of the first ones and of a sample of the rest, for which those in between are
  /// taken to be like it.
  std::chrono::nanoseconds busy{};
  /// Of the calls that were measured, and those long enough for a watchdog to see.
  std::chrono::nanoseconds longest{};

  HandlerFigures& operator+=(const HandlerFigures& other) {
    calls += other.calls;
    failures += other.failures;
    blocked += other.blocked;
    busy += other.busy;
    longest = std::max(longest, other.longest);
    return *this;
  }
};

/// When a handler has failed so often in a row that it is called no more.
struct FailureLimit {
  std::uint64_t in_a_row = 100;  ///< 0: never
  bool reached(std::uint64_t failures) const { return in_a_row != 0 && failures >= in_a_row; }
};

/// Which calls are measured: the first ones, then one in `stride`, so that a handler of a few nanoseconds
/// does not pay for the clock. One thread.
class Sampling {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::uint64_t first_calls = 64;
  static constexpr std::uint64_t stride = 509;  // no power of two, with which traffic could keep step

  /// Is call number `call` (the first is 1) one of those?
  bool due(std::uint64_t call) const { return call >= next_; }
  /// It is: for how many it stands, itself and those before it that were not measured.
  std::uint64_t take(std::uint64_t call) {
    const std::uint64_t weight = call - last_;
    last_ = call;
    next_ = call + (call < first_calls ? 1 : stride);
    return weight;
  }
  /// What two looks at the clock cost that have nothing between them.
  static std::chrono::nanoseconds clock_cost();

 private:
  std::uint64_t next_ = 1;
  std::uint64_t last_ = 0;
};

/// The time that calls take, of all of them, from a sample. One thread.
class SampledTime {
 public:
  bool due(std::uint64_t call) const { return sampling_.due(call); }
  /// It was due, and took so long.
  void add(std::uint64_t call, std::chrono::nanoseconds took) {
    took = std::max(took - Sampling::clock_cost(), std::chrono::nanoseconds{0});
    busy_ += took * static_cast<std::int64_t>(sampling_.take(call));
    longest_ = std::max(longest_, took);
  }
  std::chrono::nanoseconds busy() const { return busy_; }
  std::chrono::nanoseconds longest() const { return longest_; }

 private:
  Sampling sampling_;
  std::chrono::nanoseconds busy_{};
  std::chrono::nanoseconds longest_{};
};

/// Runs one handler, is its own watch's and counts. One thread.
///
///     HandlerMeter meter(watch, 0);
///     try {
///       meter.call([&] { chef.packet_handler(packet); });
///       meter.succeeded();
///     } catch (...) {
///       if (limit.reached(meter.failed())) ...  // the handler is set aside
///     }
class HandlerMeter {
 public:
  /// `handler`: its number in the watch, which outlives the meter.
  HandlerMeter(HandlerWatch& watch, std::uint32_t handler) : watch_(watch), handler_(handler) {}

  /// Gives what `handler` gives, throws what it throws.
  template <class Handler>
  decltype(auto) call(Handler&& handler) {
    const HandlerWatch::Call running(watch_, handler_);
    if (!time_.due(++calls_)) [[likely]]
      return handler();
    const Timed timed(*this);
    return handler();
  }
  void succeeded() { in_a_row_ = 0; }
  /// How many calls in a row have failed by now.
  std::uint64_t failed() {
    ++failures_;
    return ++in_a_row_;
  }

  HandlerFigures figures() const {
    return {calls_, failures_, watch_.times_blocked(handler_), time_.busy(),
            std::max(time_.longest(), watch_.longest_seen(handler_))};
  }

 private:
  class Timed {
   public:
    explicit Timed(HandlerMeter& meter) : meter_(meter) {}
    ~Timed() { meter_.time_.add(meter_.calls_, Sampling::Clock::now() - began_); }
    Timed(const Timed&) = delete;
    Timed& operator=(const Timed&) = delete;

   private:
    HandlerMeter& meter_;
    const Sampling::Clock::time_point began_ = Sampling::Clock::now();
  };

  HandlerWatch& watch_;
  const std::uint32_t handler_;
  std::uint64_t calls_ = 0;
  std::uint64_t failures_ = 0;
  std::uint64_t in_a_row_ = 0;
  SampledTime time_;
};

}  // namespace spiderling
