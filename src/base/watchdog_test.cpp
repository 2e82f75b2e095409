#include "base/watchdog.h"

#include <gtest/gtest.h>

namespace spiderling {
namespace {

using namespace std::chrono_literals;

struct Told {
  std::string name;
  std::chrono::nanoseconds so_far;
  bool ended;
};

// What a watchdog says; waits for it.
class Listener {
 public:
  std::function<void(const BlockedHandler&)> ear() {
    return [this](const BlockedHandler& handler) {
      const std::lock_guard lock(mutex_);
      told_.push_back({std::string(handler.name), handler.so_far, handler.ended});
      came_.notify_all();
    };
  }
  std::vector<Told> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    came_.wait_for(lock, 60s, [&] { return told_.size() >= count; });
    return told_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<Told> told_;
};

WatchdogOptions soon(Listener& listener) { return {20ms, 1ms, listener.ear()}; }

TEST(Watchdog, NamesWhatBlocksWhileItDoesAndWhenItHasEnded) {
  Listener listener;
  Watchdog watchdog(soon(listener));
  HandlerWatch watch(&watchdog, {"first", "second"});
  {
    const HandlerWatch::Call running(watch, 1);
    const auto told = listener.wait_for(1);
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0].name, "second");
    EXPECT_GE(told[0].so_far, 20ms);
    EXPECT_FALSE(told[0].ended);
    EXPECT_TRUE(watch.blocked_now());
  }
  const auto told = listener.wait_for(2);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1].name, "second");
  EXPECT_TRUE(told[1].ended);
  EXPECT_GE(told[1].so_far, told[0].so_far);
  EXPECT_EQ(watch.times_blocked(0), 0u);
  EXPECT_EQ(watch.times_blocked(1), 1u);
  EXPECT_EQ(watch.longest_seen(1), told[1].so_far);
  EXPECT_FALSE(watch.blocked_now());
}

// The other one blocks for long enough for the busy one to have been told, had it been taken for one call.
TEST(Watchdog, ManyShortCallsAreNoLongOne) {
  Listener listener;
  Watchdog watchdog({500ms, 5ms, listener.ear()});  // no thread is kept from running for so long
  HandlerWatch busy(&watchdog, {"busy"});
  HandlerWatch other(&watchdog, {"other"});
  const HandlerWatch::Call running(other, 0);
  std::thread calls([&] {
    while (!other.blocked_now()) {
      const HandlerWatch::Call short_one(busy, 0);
    }
  });
  calls.join();
  EXPECT_EQ(busy.times_blocked(0), 0u);
  EXPECT_EQ(other.times_blocked(0), 1u);
}

TEST(Watchdog, AnIdleThreadBlocksNobody) {
  Listener listener;
  Watchdog watchdog(soon(listener));
  HandlerWatch idle(&watchdog, {"idle"});
  { const HandlerWatch::Call running(idle, 0); }
  HandlerWatch other(&watchdog, {"other"});
  other.enter(0);
  EXPECT_EQ(listener.wait_for(1).front().name, "other");
  EXPECT_EQ(idle.times_blocked(0), 0u);
}

TEST(Watchdog, TheHandlerAroundIsAtItAgain) {
  Listener listener;
  Watchdog watchdog(soon(listener));
  HandlerWatch watch(&watchdog, {"outer", "inner"});
  const HandlerWatch::Call outer(watch, 0);
  { const HandlerWatch::Call inner(watch, 1); }
  EXPECT_EQ(listener.wait_for(1).front().name, "outer");
}

TEST(Watchdog, AWatchThatEndsSaysSo) {
  Listener listener;
  Watchdog watchdog(soon(listener));
  {
    HandlerWatch watch(&watchdog, {"it"});
    watch.enter(0);
    listener.wait_for(1);
    watch.leave();
  }
  EXPECT_TRUE(listener.wait_for(2).back().ended);
}

TEST(Watchdog, NumbersWithoutANameHarmNothing) {
  Listener listener;
  Watchdog watchdog(soon(listener));
  HandlerWatch watch(&watchdog, {});
  watch.enter(7);
  EXPECT_EQ(listener.wait_for(1).front().name, "?");
  EXPECT_EQ(watch.times_blocked(7), 0u);
}

TEST(HandlerWatch, NeedsNoWatchdog) {
  HandlerWatch watch(nullptr, {"alone"});
  { const HandlerWatch::Call running(watch, 0); }
  EXPECT_EQ(watch.longest_seen(0), 0ns);
}

}  // namespace
}  // namespace spiderling
