#include "base/bounded_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace spiderling {
namespace {

using namespace std::chrono_literals;

TEST(BoundedQueue, IsFirstInFirstOut) {
  BoundedQueue<int> queue(3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(queue.push(i));
  EXPECT_EQ(queue.size(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(queue.pop(), i);
  EXPECT_EQ(queue.try_pop(), std::nullopt);
}

TEST(BoundedQueue, RefusesAndCountsWhatDoesNotFit) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  EXPECT_TRUE(queue.try_push(std::make_unique<int>(1)));
  auto second = std::make_unique<int>(2);
  EXPECT_FALSE(queue.try_push(std::move(second)));
  EXPECT_NE(second, nullptr) << "what was refused is still the caller's";
  EXPECT_EQ(queue.refused(), 1u);
  EXPECT_EQ(**queue.pop(), 1);
  EXPECT_TRUE(queue.try_push(std::move(second)));
}

TEST(BoundedQueue, DrainsAfterItWasClosed) {
  BoundedQueue<int> queue(2);
  queue.push(1);
  queue.close();
  EXPECT_FALSE(queue.finished());
  EXPECT_FALSE(queue.push(2));
  EXPECT_FALSE(queue.try_push(3));
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), std::nullopt);
  EXPECT_TRUE(queue.finished());
}

TEST(BoundedQueue, PopForGivesUpInTime) {
  BoundedQueue<int> queue(1);
  EXPECT_EQ(queue.pop_for(1ms), std::nullopt);
  EXPECT_FALSE(queue.finished());
  queue.push(1);
  EXPECT_EQ(queue.pop_for(0ms), 1);
}

TEST(BoundedQueue, PushWaitsForRoom) {
  BoundedQueue<int> queue(1);
  queue.push(1);
  std::atomic<bool> pushed = false;
  std::thread producer([&] { pushed = queue.push(2); });
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), 2);
  producer.join();
  EXPECT_TRUE(pushed);
}

TEST(BoundedQueue, CloseWakesWhoWaits) {
  BoundedQueue<int> full(1), empty(1);
  full.push(1);
  std::thread producer([&] { EXPECT_FALSE(full.push(2)); });
  std::thread consumer([&] { EXPECT_EQ(empty.pop(), std::nullopt); });
  full.close();
  empty.close();
  producer.join();
  consumer.join();
}

TEST(BoundedQueue, ManyThreadsLoseAndDoubleNothing) {
  constexpr int producers = 4, consumers = 3, each = 5000;
  BoundedQueue<int> queue(7);
  std::vector<std::atomic<int>> seen(producers * each);
  std::vector<std::thread> sending, receiving;
  for (int c = 0; c < consumers; ++c) {
    receiving.emplace_back([&] {
      while (const auto value = queue.pop()) ++seen[static_cast<std::size_t>(*value)];
    });
  }
  for (int p = 0; p < producers; ++p) {
    sending.emplace_back([&, p] {
      for (int i = 0; i < each; ++i) queue.push(p * each + i);
    });
  }
  for (auto& thread : sending) thread.join();
  queue.close();
  for (auto& thread : receiving) thread.join();
  for (const auto& count : seen) ASSERT_EQ(count, 1);
}

}  // namespace
}  // namespace spiderling
