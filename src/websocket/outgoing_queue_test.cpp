#include "websocket/outgoing_queue.h"

#include <gtest/gtest.h>

#include <thread>

#include "websocket/message_reader.h"

namespace spiderling {
namespace {

// The messages in what take() gives.
std::vector<std::string> taken(OutgoingQueue& queue, std::size_t max_bytes = 1 << 20) {
  std::vector<std::string_view> blocks;
  queue.take(blocks, max_bytes);
  MessageReader reader({.masked = true});
  for (const auto block : blocks) reader.feed(block);
  std::vector<std::string> messages;
  while (reader.next()) messages.emplace_back(reader.payload());
  return messages;
}

using Messages = std::vector<std::string>;

TEST(OutgoingQueue, GivesMessagesInOrderOnce) {
  OutgoingQueue queue({});
  EXPECT_TRUE(queue.push("a"));
  EXPECT_TRUE(queue.push("b"));
  EXPECT_EQ(taken(queue), (Messages{"a", "b"}));
  EXPECT_EQ(taken(queue), Messages{});
  queue.push("c");
  EXPECT_EQ(taken(queue), Messages{"c"});
  EXPECT_EQ(queue.counters().waiting, 3u);
}

TEST(OutgoingQueue, ConfirmedMessagesAreFreed) {
  OutgoingQueue queue({});
  queue.push("a");
  taken(queue);
  queue.confirm(1);
  EXPECT_EQ(queue.counters().confirmed, 0u) << "not written yet";
  queue.written();
  EXPECT_TRUE(queue.unconfirmed());
  queue.push("b");
  queue.confirm(99);
  EXPECT_EQ(queue.counters().confirmed, 0u) << "a number that was never given out";
  queue.confirm(queue.written_number());
  EXPECT_FALSE(queue.unconfirmed());
  EXPECT_EQ(queue.counters().confirmed, 1u);
  EXPECT_EQ(queue.counters().waiting, 1u);
  EXPECT_EQ(taken(queue), Messages{"b"});
}

TEST(OutgoingQueue, FullRefusesAndCounts) {
  OutgoingQueue few({.messages = 2, .bytes = 1000});
  EXPECT_TRUE(few.push("a"));
  EXPECT_TRUE(few.push("b"));
  EXPECT_FALSE(few.push("c"));
  EXPECT_EQ(few.counters().refused, 1u);
  OutgoingQueue small({.messages = 100, .bytes = 100});
  EXPECT_TRUE(small.push(std::string(80, 'x')));
  EXPECT_FALSE(small.push(std::string(80, 'x')));
  EXPECT_EQ(small.counters().accepted, 1u);
}

TEST(OutgoingQueue, RoomComesBackWithConfirmation) {
  OutgoingQueue queue({.messages = 1, .bytes = 1000});
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(queue.push("x"));
    ASSERT_FALSE(queue.push("y"));
    taken(queue);
    queue.written();
    queue.confirm(queue.written_number());
  }
  EXPECT_EQ(queue.counters().waiting_bytes, 0u);
}

TEST(OutgoingQueue, UnconfirmedIsSentAgainInOrder) {
  OutgoingQueue queue({});
  queue.push("a");
  taken(queue);
  queue.written();
  queue.confirm(queue.written_number());
  queue.push("b");
  taken(queue);
  queue.written();
  queue.push("c");
  taken(queue);  // under way
  queue.push("d");
  queue.rewind(true);
  EXPECT_EQ(taken(queue), (Messages{"b", "c"}));
  EXPECT_EQ(taken(queue), (Messages{"d"})) << "was still being filled";
  EXPECT_EQ(queue.counters().sent_again, 2u);
}

TEST(OutgoingQueue, OrUnconfirmedIsLostAndCounted) {
  OutgoingQueue queue({});
  queue.push("a");
  taken(queue);
  queue.push("b");
  queue.rewind(false);
  EXPECT_EQ(queue.counters().lost, 1u);
  EXPECT_EQ(taken(queue), Messages{"b"});
  const auto counters = queue.counters();
  EXPECT_EQ(counters.accepted, counters.confirmed + counters.lost + counters.waiting);
}

TEST(OutgoingQueue, WritesNoMoreThanAskedFor) {
  OutgoingQueue queue({});
  for (int i = 0; i < 100; ++i) queue.push(std::string(50'000, 'x'));
  EXPECT_EQ(taken(queue, 200'000).size(), 3u);
  EXPECT_EQ(taken(queue, 10).size(), 1u) << "at least one block";
}

TEST(OutgoingQueue, WakesOnceAfterItWasFoundEmpty) {
  OutgoingQueue queue({});
  int woken = 0;
  queue.on_filled([&] { ++woken; });
  queue.push("a");
  EXPECT_EQ(woken, 0) << "nobody has asked yet";
  taken(queue);
  EXPECT_EQ(taken(queue), Messages{});
  queue.push("b");
  queue.push("c");
  EXPECT_EQ(woken, 1);
}

TEST(OutgoingQueue, WaitUntilEmpty) {
  OutgoingQueue queue({});
  EXPECT_TRUE(queue.wait_until_empty(std::chrono::milliseconds(0)));
  queue.push("a");
  EXPECT_FALSE(queue.wait_until_empty(std::chrono::milliseconds(1)));
  std::thread confirmer([&] {
    taken(queue);
    queue.written();
    queue.confirm(queue.written_number());
  });
  EXPECT_TRUE(queue.wait_until_empty(std::chrono::seconds(20)));
  confirmer.join();
}

TEST(OutgoingQueue, ManyThreadsPush) {
  OutgoingQueue queue({});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) queue.push("message");
    });
  }
  std::size_t seen = 0;
  while (seen < 4000) seen += taken(queue).size();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(seen, 4000u);
}

TEST(OutgoingQueue, ManyLinesAtOnceUntilThereIsNoRoom) {
  OutgoingQueue queue({.messages = 2, .bytes = 1000});
  int woken = 0;
  queue.on_filled([&] { ++woken; });
  std::vector<std::string_view> blocks;
  EXPECT_FALSE(queue.take(blocks, 1000));  // from now on it wants to be woken
  EXPECT_EQ(queue.push_lines("a\nbb\nccc\nd\n"), "ccc\nd\n");
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(queue.counters().accepted, 2u);
  EXPECT_EQ(queue.counters().refused, 0u);
  EXPECT_EQ(queue.push_lines(""), "");
}

}  // namespace
}  // namespace spiderling
