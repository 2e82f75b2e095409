// Ends a run whose event loop does not come back.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace spiderling::app {

/// Looks, from a thread of its own, whether a loop still goes round. A function of a plugin that the loop is
/// in may wait in code that nothing interrupts: then nobody hears signals any more, and no timer ends the
/// run.
///
///     LoopGuard guard(30s, [&] { write(what_there_is); std::_Exit(1); });
///     guard.beat();                        // the loop's thread, at least every second
///     { const auto mine = guard.own(); ... }   // the same, around what the function uses too
class LoopGuard {
 public:
  /// `give_up` is called in the guard's thread, once, when the loop has not come by for this long; then own()
  /// does not return any more. Time in which this process was stopped is not counted.
  LoopGuard(std::chrono::milliseconds most, std::function<void()> give_up);
  ~LoopGuard();
  LoopGuard(const LoopGuard&) = delete;
  LoopGuard& operator=(const LoopGuard&) = delete;

  void beat() { beats_.fetch_add(1, std::memory_order_relaxed); }
  /// Beats too. While it is held, the loop is not taken for stuck: it waits for a reader of its results.
  std::unique_lock<std::mutex> own();

 private:
  void watch();
  bool is_stuck(std::chrono::milliseconds passed);

  const std::chrono::milliseconds most_;
  const std::function<void()> give_up_;
  std::atomic<std::uint64_t> beats_ = 0;
  std::uint64_t seen_ = 0;
  std::chrono::milliseconds quiet_{};
  std::mutex owned_;
  std::atomic<bool> given_up_ = false;
  std::mutex mutex_;
  std::condition_variable ends_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace spiderling::app
