// Names handlers of plugins that do not come back, while they do not.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace spiderling {

/// What a watchdog has to say of one handler.
struct BlockedHandler {
  std::string_view name;
  /// For how long it has been running at least: a watchdog looks now and then, so it knows to about its
  /// period.
  std::chrono::nanoseconds so_far;
  bool ended;  ///< false: it still runs
};

struct WatchdogOptions {
  /// A handler that runs for so long is named; and once more when it ends.
  std::chrono::nanoseconds blocked_after = std::chrono::seconds(1);
  std::chrono::nanoseconds period = std::chrono::milliseconds(100);
  /// Called from the watchdog's thread, in order. Empty: the program's log.
  std::function<void(const BlockedHandler&)> tell;
};

/// Looks, from a thread of its own, at what other threads run. What it costs them: see HandlerWatch. Outlives
/// its watches. Time in which it was not run itself (the process was stopped, the machine asleep) is nobody's
/// fault and is not counted.
///
/// Thread-safety: its watches may come and go in any thread.
///
///     Watchdog watchdog;
///     HandlerWatch watch(&watchdog, {"chef MyChef, packet_handler"});   // in the thread that runs it
///     { HandlerWatch::Call running(watch, 0); chef.packet_handler(packet); }
class Watchdog {
 public:
  explicit Watchdog(WatchdogOptions options = {});
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  friend class HandlerWatch;
  struct Seen;  // a watch, and what was in it at the last look

  void add(class HandlerWatch& watch);
  void remove(class HandlerWatch& watch);
  void work();
  bool look(std::chrono::nanoseconds passed);
  bool look_at(Seen& seen, std::chrono::nanoseconds passed);
  void tell(const BlockedHandler& handler) const;

  const WatchdogOptions options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::unique_ptr<Seen>> seen_;
  bool stopping_ = false;
  std::thread thread_;
};

/// What one thread runs just now. Entering and leaving a handler is a store each, to memory that no other
/// thread writes: no clock, no lock, no fence.
///
/// Thread-safety: enter(), leave() and Call from the one thread whose handlers they are; the rest from any.
class HandlerWatch {
 public:
  static constexpr std::size_t most_handlers = 65'000;  ///< of one watch; those beyond have no name

  /// `watchdog`: nullptr if nobody looks. `names`: of the handlers, by number, for a person.
  HandlerWatch(Watchdog* watchdog, std::vector<std::string> names);
  ~HandlerWatch();
  HandlerWatch(const HandlerWatch&) = delete;
  HandlerWatch& operator=(const HandlerWatch&) = delete;

  /// Handler number `handler` begins; whichever ran before has ended. Every entering counts anew.
  void enter(std::uint32_t handler) noexcept { set(handler + 1); }
  void leave() noexcept { set(none); }
  /// The handler that runs, plus one; 0: none. To let it go on later, in the same thread: Call(watch, it -
  /// 1).
  std::uint32_t running() const noexcept {
    return static_cast<std::uint32_t>(state_.load(std::memory_order_relaxed) & handler_bits);
  }

  /// For many handlers one after the other, each of which runs once a round: a store for each, and no more.
  class Round {
   public:
    explicit Round(HandlerWatch& watch) noexcept
        : state_(watch.state_), start_((state_.load(std::memory_order_relaxed) | handler_bits) + 1) {}
    void enter(std::uint32_t handler) const noexcept {
      state_.store(start_ + handler + 1, std::memory_order_relaxed);
    }

   private:
    std::atomic<std::uint64_t>& state_;
    const std::uint64_t start_;
  };

  /// A handler runs as long as this lives; then the one around it, if there is one, is at it again.
  class Call {
   public:
    Call(HandlerWatch& watch, std::uint32_t handler) noexcept
        : watch_(watch), around_(watch.state_.load(std::memory_order_relaxed) & handler_bits) {
      watch_.set(handler + 1);
    }
    ~Call() { watch_.set(around_); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    HandlerWatch& watch_;
    const std::uint64_t around_;
  };

  /// How often this handler was found to run for longer than a watchdog likes, and the longest that it was
  /// seen running. Nothing without a watchdog.
  std::uint64_t times_blocked(std::uint32_t handler) const;
  std::chrono::nanoseconds longest_seen(std::uint32_t handler) const;
  /// One of the handlers is running, and was said to block.
  bool blocked_now() const { return blocked_now_.load(std::memory_order_relaxed); }

 private:
  friend class Watchdog;
  // The state: a number that grows with every change, and below it the handler's number plus one.
  static constexpr std::uint64_t handler_bits = 0xffff;
  static constexpr std::uint64_t none = 0;
  struct Figures {
    std::atomic<std::uint64_t> blocked = 0;
    std::atomic<std::int64_t> longest_ns = 0;
  };

  void set(std::uint64_t number_plus_one) noexcept {
    state_.store((state_.load(std::memory_order_relaxed) | handler_bits) + 1 + number_plus_one,
                 std::memory_order_relaxed);
  }

  alignas(64) std::atomic<std::uint64_t> state_ = 0;
  alignas(64) std::atomic<bool> blocked_now_ = false;
  Watchdog* const watchdog_;
  const std::vector<std::string> names_;
  std::unique_ptr<Figures[]> figures_;  // of each name; written by the watchdog
};

}  // namespace spiderling
