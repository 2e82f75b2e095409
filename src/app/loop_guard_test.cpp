#include "app/loop_guard.h"

#include <gtest/gtest.h>

#include <future>

namespace spiderling::app {
namespace {

using namespace std::chrono_literals;

TEST(LoopGuard, ALoopThatDoesNotComeBackIsGivenUpOnce) {
  std::promise<void> given_up;
  const LoopGuard guard(300ms, [&] { given_up.set_value(); });  // a second time would throw
  given_up.get_future().wait();
}

TEST(LoopGuard, OneThatGoesRoundIsNot) {
  std::atomic<bool> given_up = false;
  LoopGuard guard(3s, [&] { given_up = true; });
  const auto end = std::chrono::steady_clock::now() + 5s;
  while (std::chrono::steady_clock::now() < end) {
    guard.beat();
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_FALSE(given_up);
}

TEST(LoopGuard, WhoWritesIsNotStuck) {
  std::promise<void> given_up;
  LoopGuard guard(200ms, [&] { given_up.set_value(); });
  auto ended = given_up.get_future();
  {
    const auto mine = guard.own();
    EXPECT_EQ(ended.wait_for(1s), std::future_status::timeout);
  }
  ended.wait();
}

}  // namespace
}  // namespace spiderling::app
