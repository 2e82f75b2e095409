#include "kitchen/poke_clock.h"

namespace spiderling {

std::optional<std::int64_t> PokeClock::due(std::int64_t now) {
  if (now < next_) return std::nullopt;
  if (next_ == INT64_MIN) {
    next_ = now + interval_;
    return now;
  }
  const std::int64_t behind = (now - next_) / interval_;  // beside the one that is due
  if (late_ == Late::once) {
    next_ += (behind + 1) * interval_;
    skipped_ += static_cast<std::uint64_t>(behind);
    return now;
  }
  if (behind >= most_in_a_gap) {
    // The latest ones are made, so that time goes on without a jump in what follows.
    const std::int64_t left_out = behind + 1 - most_in_a_gap;
    next_ += left_out * interval_;
    skipped_ += static_cast<std::uint64_t>(left_out);
  }
  const std::int64_t at = next_;
  next_ += interval_;
  return at;
}

}  // namespace spiderling
