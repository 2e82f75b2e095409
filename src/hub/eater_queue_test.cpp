#include "hub/eater_queue.h"

#include <gtest/gtest.h>

#include <random>

#include "websocket/frame.h"

namespace spiderling {
namespace {

std::string frame_of(std::string_view message) {
  std::string out;
  append_frame(out, Opcode::text, message);
  return out;
}

std::string message(std::size_t number, std::size_t size = 0) {
  return fmt::format("dumpling {:<{}}", number, size);
}

// Takes bytes as a socket would: up to so many at a time, not minding frames.
std::string take(EaterQueue& queue, std::size_t most = ~std::size_t{0}, std::size_t at_once = 1 << 20,
                 std::size_t most_pieces = 16) {
  std::string taken;
  std::vector<std::string_view> pieces(most_pieces);
  while (taken.size() < most) {
    const std::size_t count = queue.gather(pieces, at_once);
    if (count == 0) break;
    std::size_t budget = std::min(at_once, most - taken.size());
    const std::size_t before = taken.size();
    for (std::size_t i = 0; i < count; ++i) {
      const auto part = pieces[i].substr(0, budget);
      taken += part;
      budget -= part.size();
    }
    queue.consume(taken.size() - before);
  }
  return taken;
}

TEST(EaterQueue, AnEaterGetsWhatComesAfterItsHello) {
  FrameLog log;
  log.append("before", {});
  EaterQueue queue(log, {});
  EXPECT_EQ(take(queue), "");
  log.append("after", {});
  EXPECT_EQ(queue.waiting(), 1u);
  EXPECT_EQ(take(queue), frame_of("after"));
  EXPECT_EQ(queue.waiting(), 0u);
  EXPECT_EQ(queue.sent(), 1u);
}

TEST(EaterQueue, FramesOfEverySizeAreWhatTheCodecWrites) {
  FrameLog log;
  EaterQueue queue(log, {});
  std::string expected;
  for (const std::size_t size : {0u, 1u, 125u, 126u, 127u, 65'535u, 65'536u, 70'000u, 1u << 20}) {
    const std::string text(size, 'x');
    log.append(text, {});
    expected += frame_of(text);
  }
  EXPECT_TRUE(take(queue) == expected);
}

TEST(EaterQueue, OneWriteCarriesManyFrames) {
  FrameLog log;
  EaterQueue queue(log, {});
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < 1000; ++i) {
    log.append(message(i), {});
    bytes += frame_of(message(i)).size();
  }
  std::string_view pieces[16];
  ASSERT_EQ(queue.gather(pieces, 1 << 20), 1u);
  EXPECT_EQ(pieces[0].size(), bytes);
}

TEST(EaterQueue, AnyCutIsGoneOnFrom) {
  for (const std::size_t at_once : {1u, 2u, 3u, 7u, 50u, 1000u, 65'536u, 100'000u}) {
    FrameLog log;
    EaterQueue queue(log, {});
    std::string expected;
    for (std::size_t i = 0; i < 2000; ++i) {
      const std::string text = message(i, i % 150);
      log.append(text, {});
      expected += frame_of(text);
    }
    EXPECT_TRUE(take(queue, ~std::size_t{0}, at_once) == expected) << at_once;
    EXPECT_EQ(queue.sent(), 2000u);
  }
}

TEST(EaterQueue, MidFrame) {
  FrameLog log;
  EaterQueue queue(log, {});
  log.append("one", {});
  log.append("two", {});
  EXPECT_FALSE(queue.mid_frame());
  take(queue, 2, 2);
  EXPECT_TRUE(queue.mid_frame());
  EXPECT_EQ(queue.rest_of_frame(), "one");
  take(queue, 3, 3);
  EXPECT_FALSE(queue.mid_frame());
  EXPECT_EQ(queue.sent(), 1u);
}

TEST(EaterQueue, OldestAreLeftOutByCount) {
  FrameLog log;
  EaterQueue queue(log, {});
  std::string carry;
  for (std::size_t i = 0; i < 5000; ++i) log.append(message(i), {});
  EXPECT_EQ(queue.enforce({.dumplings = 3, .bytes = 1 << 30}, carry), 4997u);
  EXPECT_EQ(carry, "");
  EXPECT_EQ(queue.waiting(), 3u);
  EXPECT_EQ(queue.dropped(), 4997u);
  EXPECT_EQ(take(queue), frame_of(message(4997)) + frame_of(message(4998)) + frame_of(message(4999)));
}

TEST(EaterQueue, OldestAreLeftOutByBytes) {
  FrameLog log;
  EaterQueue queue(log, {});
  std::string carry;
  const std::string text(1000, 'x');
  for (std::size_t i = 0; i < 5000; ++i) log.append(text, {});
  const EaterLimits limits{.dumplings = 100'000, .bytes = 100 * frame_of(text).size() + 1};
  EXPECT_EQ(queue.enforce(limits, carry), 4900u);
  EXPECT_EQ(queue.waiting(), 100u);
  EXPECT_FALSE(queue.exceeds(limits));
  EXPECT_EQ(queue.enforce(limits, carry), 0u);
}

TEST(EaterQueue, AFrameThatWasBegunIsFinished) {
  FrameLog log;
  EaterQueue queue(log, {});
  log.append("first", {});
  const std::string begun = take(queue, 4, 4);
  for (std::size_t i = 0; i < 10; ++i) log.append(message(i), {});
  std::string carry;
  EXPECT_EQ(queue.enforce({.dumplings = 2, .bytes = 1 << 20}, carry), 8u);
  EXPECT_EQ(begun + carry, frame_of("first"));
  EXPECT_EQ(queue.sent(), 1u);
  EXPECT_EQ(take(queue), frame_of(message(8)) + frame_of(message(9)));
}

TEST(EaterQueue, MemoryIsThatOfTheLongestQueue) {
  FrameLog log;
  EaterQueue slow(log, {});
  EaterQueue fast(log, {});
  const std::string text(200, 'x');
  const EaterLimits limits{.dumplings = 10'000, .bytes = 1 << 30};
  std::string carry;
  std::size_t most = 0;
  for (std::size_t i = 0; i < 300'000; ++i) {
    log.append(text, {});
    if (i % 100 != 0) continue;
    take(fast);
    slow.enforce(limits, carry);
    log.release_before(std::min(slow.oldest_block(), fast.oldest_block()));
    most = std::max(most, log.memory());
  }
  EXPECT_LT(most, 10'000 * 250 + (8 << 16));
  EXPECT_EQ(fast.sent() + fast.waiting(), 300'000u);
  EXPECT_EQ(slow.dropped() + slow.waiting(), 300'000u);
  take(slow);
  take(fast);
  log.release_before(std::min(slow.oldest_block(), fast.oldest_block()));
  EXPECT_LT(log.memory(), std::size_t{8} << 16);
}

TEST(EaterQueue, OnlyWhatIsWanted) {
  FrameLog log;
  NameTable names;
  WantedNames wanted;
  wanted.chefs = {"A", "C"};
  EaterQueue queue(log, Interests::make(names, wanted));
  std::string expected;
  for (std::size_t i = 0; i < 3000; ++i) {
    const std::string_view chef = i % 7 == 0 ? "A" : i % 7 == 1 ? "C" : "B";
    log.append(message(i), {.chef = names.find(chef)});
    if (chef != "B") expected += frame_of(message(i));
  }
  EXPECT_TRUE(take(queue, ~std::size_t{0}, 100, 3) == expected);
  EXPECT_EQ(queue.waiting(), 0u) << "what nobody wants does not wait";
}

TEST(EaterQueue, OnlyIntervalDumplingsOfAKitchen) {
  FrameLog log;
  NameTable names;
  WantedNames wanted;
  wanted.kitchens = {"east"};
  wanted.packet = false;
  EaterQueue queue(log, Interests::make(names, wanted));
  const std::uint16_t east = names.find("east");
  const auto tags = [](std::uint16_t kitchen, unsigned interval) {
    FrameTags made;
    made.kitchen = kitchen & 0x7fff;
    made.interval = interval & 1;
    return made;
  };
  log.append("1", tags(east, 0));
  log.append("2", tags(east, 1));
  log.append("3", tags(0, 1));
  EXPECT_EQ(take(queue), frame_of("2"));
}

TEST(EaterQueue, OfWhatIsNotWantedNothingIsCountedAsDropped) {
  FrameLog log;
  NameTable names;
  WantedNames wanted;
  wanted.chefs = {"A"};
  EaterQueue queue(log, Interests::make(names, wanted));
  for (std::size_t i = 0; i < 1000; ++i)
    log.append(message(i), {.chef = i % 10 == 0 ? names.find("A") : std::uint16_t{0}});
  std::string carry;
  EXPECT_EQ(queue.enforce({.dumplings = 100, .bytes = 1 << 20}, carry), 90u);
  EXPECT_EQ(take(queue).size(), 10 * frame_of(message(900)).size());
}

// Whatever the sizes, cuts and limits: whole frames in order, and every one is either sent or counted.
TEST(EaterQueue, RandomCutsAndLimits) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    FrameLog log;
    NameTable names;
    const bool choosy = round % 2 == 1;
    WantedNames wanted;
    wanted.chefs = {"A"};
    EaterQueue queue(log, choosy ? Interests::make(names, wanted) : std::nullopt);
    const EaterLimits limits{.dumplings = 20 + random() % 200, .bytes = 100'000};
    std::string carry;
    std::string received;
    std::size_t offered = 0;
    for (int step = 0; step < 300; ++step) {
      const bool is_wanted = !choosy || random() % 3 == 0;
      const std::size_t size = random() % 50 == 0 ? random() % 90'000 : random() % 300;
      log.append(message(is_wanted ? offered++ : 0, size),
                 {.chef = is_wanted ? names.find("A") : std::uint16_t{0}});
      if (random() % 3 == 0) {
        received += carry;
        carry.clear();
        const std::size_t bytes = random() % 5000;
        received += take(queue, bytes, 1 + bytes, 1 + random() % 4);
      }
      queue.enforce(limits, carry);
      ASSERT_FALSE(queue.exceeds(limits));
      log.release_before(queue.oldest_block());
    }
    received += carry;
    received += take(queue);
    std::size_t frames = 0;
    long last = -1;
    for (std::size_t at = 0; at < received.size(); ++frames) {
      const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(received.at(at + i)); };
      ASSERT_EQ(byte(0), 0x81);
      std::size_t length = byte(1);
      std::size_t header = 2;
      if (length == 126) {
        length = byte(2) * 256u + byte(3);
        header = 4;
      } else if (length == 127) {
        length = (byte(7) * 65536u) + byte(8) * 256u + byte(9);
        header = 10;
      }
      const long number = std::stol(received.substr(at + header + 9, 20));
      ASSERT_GT(number, last);
      last = number;
      at += header + length;
    }
    EXPECT_EQ(frames, queue.sent());
    EXPECT_EQ(queue.sent() + queue.dropped(), offered);
  }
}

TEST(NameTable, NumbersAreSharedAndUsedAgain) {
  NameTable names;
  const auto a = names.acquire("a");
  EXPECT_EQ(names.acquire("a"), a);
  EXPECT_NE(names.acquire("b"), a);
  names.release(*a);
  EXPECT_EQ(names.find("a"), *a);
  names.release(*a);
  EXPECT_EQ(names.find("a"), 0);
  EXPECT_EQ(names.acquire("c"), a);
}

TEST(NameTable, IsBounded) {
  NameTable names;
  for (int i = 0; i < NameTable::most_names; ++i) ASSERT_TRUE(names.acquire(fmt::format("chef {}", i)));
  EXPECT_FALSE(names.acquire("one more"));
  EXPECT_TRUE(names.acquire("chef 7"));
  WantedNames wanted;
  wanted.chefs = {"chef 1", "another"};
  EXPECT_FALSE(Interests::make(names, wanted));
  EXPECT_EQ(names.find("another"), 0);
}

TEST(Interests, AreReleasedWithTheEater) {
  NameTable names;
  {
    WantedNames wanted;
    wanted.chefs = {"A"};
    wanted.kitchens = {"A", "K"};
    const auto interests = Interests::make(names, wanted);
    ASSERT_TRUE(interests);
    EXPECT_FALSE(names.empty());
  }
  EXPECT_TRUE(names.empty());
}

}  // namespace
}  // namespace spiderling
