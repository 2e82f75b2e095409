#include "python/chef_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string_view>
#include <thread>

namespace spiderling::python {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr std::size_t full_batch = 256;

// A packet that says its number, four bytes long.
bool put(ChefQueue& queue, std::uint32_t number) {
  std::uint8_t bytes[4];
  std::memcpy(bytes, &number, sizeof bytes);
  return queue.put({.time_ns = number, .captured = sizeof bytes}, bytes);
}
bool put_poke(ChefQueue& queue, std::int64_t number) {
  return queue.put({.time_ns = number, .interval = 1}, {});
}

// Of all that a thread takes, the numbers, and whether bytes stand beside the packets they came with.
struct Taken {
  std::vector<std::int64_t> numbers;
  bool bytes_are_theirs = true;

  void add(const WaitingBatch& batch) {
    for (const WaitingItem& item : batch.items) {
      numbers.push_back(item.time_ns);
      if (item.is_poke()) continue;
      std::uint32_t said = 0;
      bytes_are_theirs = bytes_are_theirs && item.begin + item.captured <= batch.bytes.size();
      if (bytes_are_theirs) std::memcpy(&said, batch.bytes.data() + item.begin, sizeof said);
      bytes_are_theirs = bytes_are_theirs && said == item.time_ns;
    }
  }
};

Taken take_all(ChefQueue& queue) {
  Taken taken;
  WaitingBatch batch;
  while (auto next = queue.take(std::move(batch))) {
    batch = std::move(*next);
    taken.add(batch);
    for (const WaitingItem& item : batch.items) queue.handled(item.captured);
  }
  return taken;
}

TEST(ChefQueue, PacketsAndPokesComeOutAsTheyWentIn) {
  ChefQueue queue;
  std::vector<std::int64_t> put_in;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    ASSERT_TRUE(i % 7 == 0 ? put_poke(queue, i) : put(queue, i));
    put_in.push_back(i);
  }
  queue.close();
  const Taken taken = take_all(queue);
  EXPECT_EQ(taken.numbers, put_in);
  EXPECT_TRUE(taken.bytes_are_theirs);
  EXPECT_EQ(queue.waiting(), 0u);
}

TEST(ChefQueue, ItIsBoundedByPacketsAndAPokeFindsRoomAllTheSame) {
  ChefQueue queue;
  for (std::uint32_t i = 0; i < ChefQueue::most_items; ++i) ASSERT_TRUE(put(queue, i));
  EXPECT_FALSE(put(queue, 1));
  EXPECT_FALSE(queue.has_room());
  EXPECT_TRUE(put_poke(queue, 2));
  EXPECT_EQ(queue.waiting(), ChefQueue::most_items + 1);

  // What was taken waits until it is handled.
  const auto batch = queue.take({});
  ASSERT_TRUE(batch);
  EXPECT_THAT(batch->items, SizeIs(full_batch));
  EXPECT_FALSE(put(queue, 3));
  queue.handled(4);
  queue.handled(4);
  EXPECT_TRUE(put(queue, 4));
  EXPECT_FALSE(put(queue, 5));
  EXPECT_FALSE(queue.has_much_room());
}

TEST(ChefQueue, ItIsBoundedByBytes) {
  ChefQueue queue;
  const std::vector<std::uint8_t> large(std::size_t{1} << 20);
  const WaitingItem item{.captured = static_cast<std::uint32_t>(large.size())};
  std::size_t taken = 0;
  while (queue.put(item, large)) ++taken;
  EXPECT_EQ(taken, ChefQueue::most_bytes / large.size());
  queue.handled(large.size());
  EXPECT_TRUE(queue.put(item, large));
}

TEST(ChefQueue, ABusyThreadGetsFullBatchesAnIdleOneWhatThereIs) {
  ChefQueue queue;
  put(queue, 0);
  queue.hand_over();  // nobody is at work
  auto batch = queue.take({});
  ASSERT_TRUE(batch);
  EXPECT_THAT(batch->items, SizeIs(1));

  for (std::uint32_t i = 0; i < full_batch - 1; ++i) put(queue, i);
  queue.hand_over();  // not yet
  std::thread late([&] {
    put(queue, full_batch - 1);
    queue.hand_over();
  });
  batch = queue.take(std::move(*batch));
  late.join();
  ASSERT_TRUE(batch);
  EXPECT_GE(batch->items.size(), full_batch - 1);
  EXPECT_EQ(batch->items.front().time_ns, 0);
}

// The last batch and the end come at once, whenever the other thread looks.
TEST(ChefQueue, NothingIsLostWhenItIsClosed) {
  constexpr int rounds = 4000;
  std::vector<ChefQueue> queues(rounds);
  std::atomic<int> opened = -1, finished = -1;
  std::vector<Taken> taken(rounds);
  std::thread taking([&] {
    for (int round = 0; round < rounds; ++round) {
      while (opened.load() < round) std::this_thread::yield();
      taken[static_cast<std::size_t>(round)] = take_all(queues[static_cast<std::size_t>(round)]);
      finished = round;
    }
  });
  for (int round = 0; round < rounds; ++round) {
    ChefQueue& queue = queues[static_cast<std::size_t>(round)];
    put(queue, 7);
    queue.hand_over();
    opened = round;
    for (std::atomic<int> wait = round % 200; wait > 0; --wait) continue;  // a little later each time
    put(queue, 8);
    queue.close();
    while (finished.load() < round) std::this_thread::yield();
  }
  taking.join();
  for (const Taken& one : taken) ASSERT_THAT(one.numbers, ElementsAre(7, 8));
}

TEST(ChefQueue, TwoThreadsAtFullSpeedKeepTheOrder) {
  constexpr std::uint32_t count = 200'000;
  ChefQueue queue;
  Taken taken;
  std::thread taking([&] { taken = take_all(queue); });
  std::vector<std::int64_t> put_in;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (put(queue, i)) put_in.push_back(i);
    if (i % 64 == 0) queue.hand_over();
  }
  queue.close();
  taking.join();
  EXPECT_EQ(taken.numbers, put_in);
  EXPECT_TRUE(taken.bytes_are_theirs);
}

TEST(ChefQueue, WhoWaitsIsWokenWhenItIsAbandoned) {
  ChefQueue queue;
  bool woken_with_nothing = false;
  std::thread waiting([&] { woken_with_nothing = !queue.take({}); });
  queue.abandon();
  waiting.join();
  EXPECT_TRUE(woken_with_nothing);
  EXPECT_TRUE(queue.abandoned());
}

TEST(ChefQueue, WhatWaitedIsLetGoWhenItIsAbandoned) {
  ChefQueue queue;
  for (std::uint32_t i = 0; i < 2 * full_batch; ++i) put(queue, i);
  queue.abandon();
  EXPECT_FALSE(queue.take({}));
}

}  // namespace
}  // namespace spiderling::python
