// When chefs are poked.
#pragma once

#include <cstdint>
#include <optional>

namespace spiderling {

/// Says which pokes are due: the first at once, then one every interval of a clock that the caller reads, in
/// nanoseconds. No I/O, no clock of its own.
///
///     PokeClock clock(interval, PokeClock::Late::each);
///     while (const auto due = clock.due(now)) poke(*due);
class PokeClock {
 public:
  /// What becomes of pokes whose time has passed unnoticed.
  enum class Late {
    each,  ///< each is made up for, as long as no more than most_in_a_gap lie behind: packets' time
    once,  ///< one for all of them: the time of day, where late is late
  };
  /// A gap of a year in a trace must not cost a year's pokes. Those beyond are counted in skipped().
  static constexpr std::int64_t most_in_a_gap = 100;

  PokeClock(std::int64_t interval_ns, Late late) : interval_(interval_ns), late_(late) {}

  /// The clock was set back: the next poke is an interval from `now`.
  void set_back(std::int64_t now) { next_ = now + interval_; }

  /// The time of a poke that is due at `now`, once each.
  std::optional<std::int64_t> due(std::int64_t now);
  /// When the next one is due; the lowest number there is before the first.
  std::int64_t next() const { return next_; }
  std::uint64_t skipped() const { return skipped_; }

 private:
  std::int64_t interval_;
  Late late_;
  std::int64_t next_ = INT64_MIN;
  std::uint64_t skipped_ = 0;
};

}  // namespace spiderling
