#include "connect/deadline_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <vector>

namespace spiderling {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class TestWatch final : public DeadlineQueue::Watch {
 public:
  TestWatch(DeadlineQueue& queue, std::function<void()> act) : Watch(queue), act_(std::move(act)) {}

 private:
  void on_deadline() override { act_(); }
  std::function<void()> act_;
};

TEST(DeadlineQueue, CallsInTheOrderOfTimeAndNeverTooEarly) {
  boost::asio::io_context io{1};
  DeadlineQueue queue(io);
  std::vector<std::unique_ptr<TestWatch>> watches;
  std::vector<Deadline> called;
  std::mt19937 random(7);
  const Deadline start = Clock::now();
  for (int i = 0; i < 2000; ++i) {
    const Deadline at = start + std::chrono::microseconds(random() % 20'000);
    watches.push_back(std::make_unique<TestWatch>(queue, [&called, at] {
      EXPECT_LE(at, Clock::now());
      called.push_back(at);
    }));
    watches.back()->set(at);
  }
  io.run();
  EXPECT_EQ(called.size(), 2000u);
  EXPECT_TRUE(std::is_sorted(called.begin(), called.end()));
  EXPECT_EQ(queue.size(), 0u);
}

TEST(DeadlineQueue, WhatWasClearedOrDestroyedIsNotCalled) {
  boost::asio::io_context io{1};
  DeadlineQueue queue(io);
  std::vector<std::unique_ptr<TestWatch>> watches;
  std::vector<int> called;
  std::mt19937 random(8);
  const Deadline start = Clock::now();
  for (int i = 0; i < 300; ++i) {
    watches.push_back(std::make_unique<TestWatch>(queue, [&called, i] { called.push_back(i); }));
    watches.back()->set(start + std::chrono::microseconds(random() % 5'000));
  }
  for (std::size_t i = 0; i < 300; i += 3) watches[i]->clear();
  for (std::size_t i = 1; i < 300; i += 3) watches[i].reset();
  io.run();
  EXPECT_EQ(called.size(), 100u);
  for (const int i : called) EXPECT_EQ(i % 3, 2);
}

TEST(DeadlineQueue, AnEarlierOneDoesNotWaitForALaterOne) {
  boost::asio::io_context io{1};
  DeadlineQueue queue(io);
  bool late = false, early = false;
  TestWatch later(queue, [&] { late = true; });
  TestWatch sooner(queue, [&] { early = true; });
  later.set(Clock::now() + 10min);
  sooner.set(Clock::now() + 1ms);
  while (!early) io.run_one();
  EXPECT_FALSE(late);
}

TEST(DeadlineQueue, OneMaySetAndDestroyOthersWhenItIsCalled) {
  boost::asio::io_context io{1};
  DeadlineQueue queue(io);
  int again = 0;
  auto victim = std::make_unique<TestWatch>(queue, [] { FAIL() << "it was destroyed"; });
  std::unique_ptr<TestWatch> first;
  first = std::make_unique<TestWatch>(queue, [&] {
    victim.reset();
    if (++again < 3) first->set(Clock::now() + 1ms);
  });
  const Deadline same = Clock::now() + 1ms;
  first->set(same - 100us);
  victim->set(same);
  io.run();
  EXPECT_EQ(again, 3);
}

TEST(DeadlineQueue, MayEndBeforeItsEventLoop) {
  boost::asio::io_context io{1};
  {
    DeadlineQueue queue(io);
    TestWatch watch(queue, [] { FAIL() << "it is gone"; });
    watch.set(Clock::now());
  }
  io.run();
}

}  // namespace
}  // namespace spiderling
