#include "spiders/await_task.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace spiderling {
namespace {

// Runs a coroutine of Asio to its end, or until nothing more happens.
void run(asio::io_context& loop, std::function<asio::awaitable<void>()> coroutine) {
  std::exception_ptr failure;
  asio::co_spawn(loop, std::move(coroutine), [&](std::exception_ptr why) { failure = why; });
  loop.restart();
  loop.run();
  if (failure) std::rethrow_exception(failure);
}

Task<int> give(int value) { co_return value; }
Task<int> sum(int depth) {
  if (depth == 0) co_return 0;
  const int below = co_await sum(depth - 1);
  const int one = co_await give(1);
  co_return below + one;
}
Task<std::string> fails() {
  throw std::runtime_error("from the task");
  co_return std::string();
}
Task<void> nothing(int& calls) {
  ++calls;
  co_return;
}

TEST(AwaitTask, ValuesComeThrough) {
  asio::io_context loop(1);
  int calls = 0, value = 0;
  run(loop, [&]() -> asio::awaitable<void> {
    value = co_await await_task(sum(100));
    co_await await_task(nothing(calls));
    const auto moved =
        co_await await_task([]() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(5); }());
    value += *moved;
  });
  EXPECT_EQ(value, 105);
  EXPECT_EQ(calls, 1);
}

TEST(AwaitTask, ExceptionsComeThrough) {
  asio::io_context loop(1);
  std::string what;
  run(loop, [&]() -> asio::awaitable<void> {
    try {
      co_await await_task(fails());
    } catch (const std::runtime_error& problem) {
      what = problem.what();
    }
  });
  EXPECT_EQ(what, "from the task");
  EXPECT_THROW(run(loop, []() -> asio::awaitable<void> { co_await await_task(fails()); }),
               std::runtime_error);
}

TEST(AwaitTask, ATaskIsLazyAndDestroyedUnawaitedDoesNothing) {
  int calls = 0;
  { const Task<void> never = nothing(calls); }
  EXPECT_EQ(calls, 0);
}

asio::awaitable<int> later(int value) {
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  co_return value;
}
asio::awaitable<int> at_once(int value) { co_return value; }
asio::awaitable<int> fails_later() {
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  throw std::runtime_error("from the loop");
}

TEST(InTask, ValuesComeThrough) {
  asio::io_context loop(1);
  const auto executor = loop.get_executor();
  const auto task = [&]() -> Task<int> {
    const int a = co_await InTask<int>(executor, later(1));
    const int b = co_await InTask<int>(executor, at_once(2));
    const int c = co_await give(4);
    co_return a + b + c;
  };
  int value = 0;
  run(loop, [&]() -> asio::awaitable<void> { value = co_await await_task(task()); });
  EXPECT_EQ(value, 7);
}

TEST(InTask, ExceptionsComeThroughBothWays) {
  asio::io_context loop(1);
  const auto executor = loop.get_executor();
  const auto lets_through = [&]() -> Task<int> { co_return co_await InTask<int>(executor, fails_later()); };
  const auto catches = [&]() -> Task<int> {
    try {
      co_return co_await lets_through();
    } catch (const std::runtime_error& problem) {
      EXPECT_STREQ(problem.what(), "from the loop");
    }
    co_return -1;
  };
  int value = 0;
  run(loop, [&]() -> asio::awaitable<void> { value = co_await await_task(catches()); });
  EXPECT_EQ(value, -1);
  EXPECT_THROW(run(loop, [&]() -> asio::awaitable<void> { co_await await_task(lets_through()); }),
               std::runtime_error);
}

// Counts those of its kind that live.
struct Guest {
  explicit Guest(int& count) : count_(count) { ++count_; }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  ~Guest() { --count_; }
  int& count_;
};

TEST(InTask, WhereTheLoopEndsAllThatWaitEndWithIt) {
  int guests = 0;
  {
    asio::io_context loop(1);
    const auto executor = loop.get_executor();
    const auto for_ever = [&]() -> asio::awaitable<bool> {
      const Guest in_operation(guests);
      asio::steady_timer never(loop, asio::steady_timer::time_point::max());
      co_await never.async_wait(asio::use_awaitable);
      co_return true;
    };
    const auto inner = [&]() -> Task<bool> {
      const Guest in_inner_task(guests);
      co_return co_await InTask<bool>(executor, for_ever());
    };
    const auto outer = [&]() -> Task<bool> {
      const Guest in_outer_task(guests);
      const bool done = co_await inner();
      co_return done;
    };
    const auto waits = [&]() -> asio::awaitable<void> {
      const Guest in_engine(guests);
      co_await await_task(outer());
    };
    for (int i = 0; i < 10; ++i) asio::co_spawn(loop, waits(), asio::detached);
    while (loop.poll() > 0) {
    }
    EXPECT_EQ(guests, 40);
  }
  EXPECT_EQ(guests, 0);
}

TEST(ReasonOf, WhateverIsThrown) {
  EXPECT_EQ(reason_of(std::make_exception_ptr(std::runtime_error("why"))), "why");
  EXPECT_EQ(reason_of(std::make_exception_ptr(7)), "it threw what is no std::exception");
}

}  // namespace
}  // namespace spiderling
