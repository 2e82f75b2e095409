// When to look at a flow again.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace spiderling {

/// A hashed timing wheel of flow numbers. Nothing moves when packets come: a flow is looked at when its slot
/// passes, and put back if it is not due yet. A deadline beyond the wheel's span is looked at early, so a
/// year's gap costs one turn. A number that is due sooner than was said is added once more; its owner keeps
/// the slot that add() gave last, and so knows an entry that is out of date when it comes up. One thread.
class TimerWheel {
 public:
  std::uint16_t add(std::uint32_t number, std::int64_t deadline_ns) {
    // The next slot: when one has passed, all that was put there in time is due.
    const std::int64_t tick = std::clamp(tick_of(deadline_ns) + 1, now_ + 1, now_ + slot_count - 1);
    slots_[slot_of(tick)].push_back(number);
    ++size_;
    return static_cast<std::uint16_t>(slot_of(tick));
  }

  /// Passes every slot up to `now_ns`, and calls visit(number) for what stands there, which may call add().
  /// `far_ahead` and then `ahead` are called with the same numbers some steps before, for prefetches. A step
  /// back does nothing.
  template <class FarAhead, class Ahead, class Visit>
  void advance(std::int64_t now_ns, FarAhead&& far_ahead, Ahead&& ahead, Visit&& visit) {
    const std::int64_t target = tick_of(now_ns);
    if (target - now_ > slot_count) now_ = target - slot_count;  // one turn passes every slot
    while (now_ < target) {
      due_.swap(slots_[slot_of(++now_)]);
      if (due_.empty()) continue;
      size_ -= due_.size();
      for (std::size_t i = 0; i < due_.size() + far_steps; ++i) {
        if (i < due_.size()) far_ahead(due_[i]);
        if (i >= steps && i - steps < due_.size()) ahead(due_[i - steps]);
        if (i >= far_steps) visit(due_[i - far_steps]);
      }
      due_.clear();
    }
  }

  /// Sets the clock without passing anything: at the start, and when time has gone back for good.
  void set_clock(std::int64_t now_ns) { now_ = tick_of(now_ns); }

  /// Inside visit(): the slot that is passing.
  std::uint16_t slot() const { return static_cast<std::uint16_t>(slot_of(now_)); }

  struct Entry {
    std::uint32_t number;
    std::uint16_t slot;
  };
  /// Takes out one of the numbers that are due next. The wheel must not be empty.
  Entry take_next() {
    for (std::int64_t tick = now_ + 1;; ++tick) {
      std::vector<std::uint32_t>& slot = slots_[slot_of(tick)];
      if (slot.empty()) continue;
      const std::uint32_t number = slot.back();
      slot.pop_back();
      --size_;
      return {number, static_cast<std::uint16_t>(slot_of(tick))};
    }
  }
  std::size_t size() const { return size_; }

  static constexpr std::int64_t tick_bits = 26;     // 67 ms
  static constexpr std::int64_t slot_count = 1024;  // 69 s
  static constexpr std::uint16_t no_slot = 0xffff;

 private:
  static constexpr std::size_t far_steps = 16;
  static constexpr std::size_t steps = 8;  // behind far_ahead, and before visit
  static std::int64_t tick_of(std::int64_t ns) { return ns >> tick_bits; }
  static std::size_t slot_of(std::int64_t tick) { return static_cast<std::size_t>(tick & (slot_count - 1)); }

  std::array<std::vector<std::uint32_t>, slot_count> slots_;
  std::vector<std::uint32_t> due_;
  std::int64_t now_ = 0;
  std::size_t size_ = 0;
};

}  // namespace spiderling
