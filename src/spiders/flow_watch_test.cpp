#include "spiders/flow_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "flows/test_observer.h"
#include "spiders/test_source.h"

namespace spiderling {
namespace {

using namespace testing;
using namespace std::chrono_literals;

constexpr std::uint8_t syn_ack = tcp_flag::syn | tcp_flag::ack;
constexpr std::uint8_t fin_ack = tcp_flag::fin | tcp_flag::ack;

/// Flows between one client and one server, told apart by the client's port; what came back, by token.
class FlowWatchTest : public ::testing::Test {
 protected:
  explicit FlowWatchTest(std::chrono::milliseconds linger = 1ms, bool tells_answers = false)
      : watch_(source_, chains_, {.linger = linger, .tells_answers = tells_answers}, [this] { woken(); }) {
    watch_.start();
  }

  ExpectedFlow flow(std::uint16_t port, IpVersion version = IpVersion::v4) const {
    const Hosts h = hosts(version);
    return {h.client.address, h.server.address, port, h.server.port, 6};
  }
  Endpoint client(std::uint16_t port, IpVersion version = IpVersion::v4) const {
    return {hosts(version).client.address, port};
  }
  Endpoint server(IpVersion version = IpVersion::v4) const { return hosts(version).server; }
  void handshake(std::uint16_t port, IpVersion version = IpVersion::v4) {
    source_.push(tcp_packet(client(port, version), server(version), tcp_flag::syn));
    source_.push(tcp_packet(server(version), client(port, version), syn_ack));
    source_.push(tcp_packet(client(port, version), server(version), tcp_flag::ack));
  }

  // Until so many words have come in all, or half a minute has passed.
  void wait_for_words(std::size_t count) {
    std::unique_lock lock(mutex_);
    const auto until = std::chrono::steady_clock::now() + 30s;
    while (words_.size() < count) {
      ASSERT_TRUE(wake_.wait_until(lock, until, [&] { return wakes_ > 0; })) << "no word came";
      wakes_ = 0;
      for (ObservedFlow& one : watch_.take()) words_.push_back(std::move(one));
    }
  }
  // The same while others are busy: then what is due is due by their packets' times.
  void push_until_words(std::size_t count) {
    const auto until = std::chrono::steady_clock::now() + 30s;
    while (words_.size() < count) {
      ASSERT_LT(std::chrono::steady_clock::now(), until) << "no word came";
      source_.push(tcp_packet(client(5), server(), tcp_flag::ack));
      std::this_thread::yield();
      for (ObservedFlow& one : watch_.take()) words_.push_back(std::move(one));
    }
  }
  // Nothing was said of another connection meanwhile: what is let go now comes, and nothing before it.
  void expect_no_more_words() {
    const std::size_t before = words_.size();
    watch_.expect(flow(9), 999'999);
    watch_.let_go(flow(9), 999'999);
    wait_for_words(before + 1);
    ASSERT_EQ(words_.size(), before + 1);
    EXPECT_EQ(words_.back().token, 999'999u);
    words_.pop_back();
  }
  const ObservedFlow& word(std::uint64_t token) const {
    const auto at = std::ranges::find(words_, token, &ObservedFlow::token);
    EXPECT_NE(at, words_.end()) << token;
    return *at;
  }
  static Trail::State trail(const ObservedFlow& word) {
    Trail::State state;
    std::memcpy(static_cast<void*>(&state), word.states.get(), sizeof state);
    return state;
  }
  static std::uint32_t packets(const ObservedFlow& word, Direction direction) {
    return trail(word).calls[Trail::tcp_hook][direction];
  }

  PushedSource source_;
  const ChainSet chains_ = chain_set<Trail>();
  std::vector<ObservedFlow> words_;

 private:
  void woken() {
    const std::lock_guard lock(mutex_);
    ++wakes_;
    wake_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  int wakes_ = 0;

 protected:
  FlowWatch watch_;
};

/// With a linger that lasts until the source ends.
class LongFlowWatchTest : public FlowWatchTest {
 protected:
  LongFlowWatchTest() : FlowWatchTest(24h) {}
};

class AnswersFlowWatchTest : public FlowWatchTest {
 protected:
  AnswersFlowWatchTest() : FlowWatchTest(1ms, true) {}
};

TEST_F(AnswersFlowWatchTest, TellsTheFirstAnswerOnceAndTheFlowAtItsEnd) {
  // The last two are of the same five.
  for (const auto& [token, version] :
       {std::pair{7u, IpVersion::v4}, std::pair{8u, IpVersion::v6}, std::pair{9u, IpVersion::v6}}) {
    watch_.expect(flow(40'000, version), token);
    handshake(40'000, version);
    source_.push(tcp_packet(server(version), client(40'000, version), fin_ack));
    ASSERT_NO_FATAL_FAILURE(wait_for_words(1));
    EXPECT_TRUE(words_[0].only_answered);
    EXPECT_EQ(words_[0].token, token);
    EXPECT_EQ(words_[0].states, nullptr);
    source_.wait_until_read();
    watch_.let_go(flow(40'000, version), token);
    ASSERT_NO_FATAL_FAILURE(wait_for_words(2));
    ASSERT_EQ(words_.size(), 2u);
    EXPECT_FALSE(words_[1].only_answered);
    ASSERT_NE(words_[1].states, nullptr);
    EXPECT_EQ(packets(words_[1], Direction::reverse), 2u);
    words_.clear();
    expect_no_more_words();
  }
}

TEST_F(AnswersFlowWatchTest, OfAFlowThatIsNotAnsweredNothingIsToldBeforeItsEnd) {
  watch_.expect(flow(40'000), 7);
  for (int i = 0; i < 3; ++i) source_.push(tcp_packet(client(40'000), server(), tcp_flag::syn));
  source_.push(tcp_packet(server(), client(40'001), syn_ack));  // another's
  source_.wait_until_read();
  watch_.let_go(flow(40'000), 7);
  ASSERT_NO_FATAL_FAILURE(wait_for_words(1));
  ASSERT_EQ(words_.size(), 1u);
  EXPECT_FALSE(words_[0].only_answered);
}

TEST_F(FlowWatchTest, AnExpectedFlowComesBackWithItsStates) {
  for (const IpVersion version : {IpVersion::v4, IpVersion::v6}) {
    words_.clear();
    const auto before = std::chrono::system_clock::now();
    watch_.expect(flow(40'000, version), 7);
    handshake(40'000, version);
    watch_.let_go(flow(40'000, version), 7);
    ASSERT_NO_FATAL_FAILURE(wait_for_words(1));
    const ObservedFlow& seen = word(7);
    ASSERT_NE(seen.states, nullptr);
    EXPECT_FALSE(seen.lossy);
    EXPECT_EQ(trail(seen).source_port, 40'000);
    EXPECT_EQ(packets(seen, Direction::forward), 2u);
    EXPECT_EQ(packets(seen, Direction::reverse), 1u);
    EXPECT_GE(seen.first, before);
    EXPECT_GE(seen.last, seen.first);
    EXPECT_LE(seen.last, std::chrono::system_clock::now());
  }
}

TEST_F(FlowWatchTest, WhatWasExpectedBeforeItsPacketIsAlwaysCaught) {
  constexpr std::uint16_t flows = 2000;
  for (std::uint16_t i = 0; i < flows; ++i) {
    const auto port = static_cast<std::uint16_t>(20'000 + i);
    watch_.expect(flow(port), port);
    source_.push(tcp_packet(client(port), server(), tcp_flag::syn));
    watch_.let_go(flow(port), port);
  }
  ASSERT_NO_FATAL_FAILURE(wait_for_words(flows));
  for (const ObservedFlow& one : words_) {
    ASSERT_NE(one.states, nullptr) << one.token;
    EXPECT_EQ(trail(one).source_port, one.token);
  }
  expect_no_more_words();
}

TEST_F(FlowWatchTest, PacketsOfOtherFlowsAreNotRecorded) {
  watch_.expect(flow(40'000), 7);
  handshake(40'001);
  source_.push(udp_packet(client(40'000), server()));
  source_.push(tcp_packet(client(40'000), {server().address, 81}, tcp_flag::syn));
  handshake(40'000);
  watch_.let_go(flow(40'000), 7);
  ASSERT_NO_FATAL_FAILURE(wait_for_words(1));
  EXPECT_EQ(packets(word(7), Direction::forward), 2u);
  expect_no_more_words();
  watch_.stop();
  EXPECT_EQ(watch_.counters().flows, 1u);
  EXPECT_EQ(watch_.counters().unwanted_packets, 5u);
}

TEST_F(FlowWatchTest, WhatAnEarlierConnectionLeftDoesNotTurnTheFlowRound) {
  watch_.expect(flow(40'000), 7);
  source_.push(tcp_packet(server(), client(40'000), tcp_flag::rst));
  handshake(40'000);
  watch_.let_go(flow(40'000), 7);
  ASSERT_NO_FATAL_FAILURE(wait_for_words(1));
  EXPECT_EQ(trail(word(7)).source_port, 40'000);
  EXPECT_EQ(packets(word(7), Direction::forward), 2u);
  EXPECT_EQ(packets(word(7), Direction::reverse), 1u);
}

TEST_F(FlowWatchTest, WithoutAPacketItIsNotObserved) {
  watch_.expect(flow(40'000), 7);
  watch_.let_go(flow(40'000), 7);
  ASSERT_NO_FATAL_FAILURE(wait_for_words(1));
  EXPECT_EQ(word(7).states, nullptr);
  EXPECT_FALSE(word(7).lossy);
}

TEST_F(FlowWatchTest, OfWhatIsForgottenNothingIsSaid) {
  watch_.expect(flow(40'000), 7);
  watch_.forget(flow(40'000), 7);
  handshake(40'000);
  source_.wait_until_read();
  expect_no_more_words();
  // Its five may be expected again, and nothing of before is in it.
  watch_.expect(flow(40'000), 8);
  source_.push(tcp_packet(client(40'000), server(), tcp_flag::syn));
  watch_.let_go(flow(40'000), 8);
  ASSERT_NO_FATAL_FAILURE(wait_for_words(1));
  EXPECT_EQ(packets(word(8), Direction::forward), 1u);
}

TEST_F(FlowWatchTest, ForgettingEndsWhatWasSeen) {
  watch_.expect(flow(40'000), 7);
  handshake(40'000);
  source_.wait_until_read();
  watch_.forget(flow(40'000), 7);
  watch_.expect(flow(40'000), 8);
  source_.push(tcp_packet(client(40'000), server(), tcp_flag::syn));
  watch_.let_go(flow(40'000), 8);
  ASSERT_NO_FATAL_FAILURE(wait_for_words(1));
  EXPECT_EQ(packets(word(8), Direction::forward), 1u);
  EXPECT_EQ(packets(word(8), Direction::reverse), 0u);
  expect_no_more_words();
}

TEST_F(FlowWatchTest, ForgettingAnothersTokenChangesNothing) {
  watch_.expect(flow(40'000), 7);
  watch_.forget(flow(40'000), 8);
  handshake(40'000);
  watch_.let_go(flow(40'000), 7);
  ASSERT_NO_FATAL_FAILURE(wait_for_words(1));
  EXPECT_NE(word(7).states, nullptr);
}

TEST_F(FlowWatchTest, OfTwoWithTheSameFiveTheLaterIsNotObserved) {
  watch_.expect(flow(40'000), 7);
  watch_.expect(flow(40'000), 8);
  handshake(40'000);
  watch_.let_go(flow(40'000), 8);
  watch_.let_go(flow(40'000), 7);
  ASSERT_NO_FATAL_FAILURE(wait_for_words(2));
  EXPECT_NE(word(7).states, nullptr);
  EXPECT_EQ(word(8).states, nullptr);
}

TEST_F(FlowWatchTest, AFlowThatHasEndedComesOnceAndWhenItIsLetGo) {
  watch_.expect(flow(40'000), 7);
  handshake(40'000);
  source_.push(tcp_packet(client(40'000), server(), fin_ack));
  source_.push(tcp_packet(server(), client(40'000), fin_ack));
  source_.push(tcp_packet(client(40'000), server(), tcp_flag::rst));
  watch_.expect(flow(40'001), 8);
  source_.push(tcp_packet(client(40'001), server(), tcp_flag::syn));
  source_.push(tcp_packet(server(), client(40'001), tcp_flag::rst | tcp_flag::ack));
  source_.wait_until_read();
  expect_no_more_words();
  watch_.let_go(flow(40'000), 7);
  watch_.let_go(flow(40'001), 8);
  ASSERT_NO_FATAL_FAILURE(wait_for_words(2));
  EXPECT_EQ(packets(word(7), Direction::forward), 4u);
  EXPECT_EQ(packets(word(7), Direction::reverse), 2u);
  EXPECT_EQ(packets(word(8), Direction::reverse), 1u);
  // What comes late is in no flow.
  source_.push(tcp_packet(server(), client(40'000), fin_ack));
  source_.wait_until_read();
  expect_no_more_words();
}

TEST_F(FlowWatchTest, LostPacketsMarkTheFlowsThatWereExpectedThenAndNoOthers) {
  const auto whole = [&](std::uint16_t port) {
    watch_.expect(flow(port), port);
    handshake(port);
    watch_.let_go(flow(port), port);
  };
  whole(40'000);
  ASSERT_NO_FATAL_FAILURE(wait_for_words(1));
  watch_.expect(flow(40'001), 40'001);
  handshake(40'001);
  watch_.expect(flow(40'002), 40'002);  // of this one nothing is seen
  source_.wait_until_read();
  source_.drop(3);
  source_.wait_until_read();
  watch_.let_go(flow(40'001), 40'001);
  watch_.let_go(flow(40'002), 40'002);
  ASSERT_NO_FATAL_FAILURE(wait_for_words(3));
  whole(40'003);
  ASSERT_NO_FATAL_FAILURE(wait_for_words(4));
  EXPECT_FALSE(word(40'000).lossy);
  EXPECT_TRUE(word(40'001).lossy);
  EXPECT_NE(word(40'001).states, nullptr);
  EXPECT_TRUE(word(40'002).lossy);
  EXPECT_EQ(word(40'002).states, nullptr);
  EXPECT_FALSE(word(40'003).lossy);
}

// Even when the drop comes at the last moment: a flow is settled after a look at the counter.
TEST_F(FlowWatchTest, ADropBeforeAFlowIsLetGoIsAlwaysNoticed) {
  for (std::uint16_t i = 0; i < 10; ++i) {
    const auto port = static_cast<std::uint16_t>(20'000 + i);
    watch_.expect(flow(port), port);
    handshake(port);
    source_.drop(1);
    watch_.let_go(flow(port), port);
    ASSERT_NO_FATAL_FAILURE(push_until_words(i + 1u));
    EXPECT_TRUE(word(port).lossy) << port;
  }
}

TEST_F(LongFlowWatchTest, LingeringFlowsAreStillWatched) {
  watch_.expect(flow(40'000), 7);
  handshake(40'000);
  watch_.let_go(flow(40'000), 7);
  source_.push(tcp_packet(server(), client(40'000), fin_ack));
  source_.wait_until_read();
  EXPECT_TRUE(watch_.take().empty());
}

TEST_F(FlowWatchTest, WhenTheSourceEndsEverythingExpectedComesBackAndIsNotTrusted) {
  watch_.expect(flow(40'000), 7);
  handshake(40'000);
  source_.wait_until_read();
  EXPECT_FALSE(watch_.ended());
  source_.end();
  watch_.let_go(flow(40'000), 7);
  watch_.expect(flow(40'001), 8);
  watch_.let_go(flow(40'001), 8);
  ASSERT_NO_FATAL_FAILURE(wait_for_words(2));
  EXPECT_TRUE(watch_.ended());
  EXPECT_TRUE(word(7).lossy);
  EXPECT_NE(word(7).states, nullptr);
  EXPECT_EQ(word(8).states, nullptr);
  watch_.expect(flow(40'002), 9);
  watch_.let_go(flow(40'002), 9);
  ASSERT_NO_FATAL_FAILURE(wait_for_words(3));
  EXPECT_EQ(word(9).states, nullptr);
}

TEST_F(FlowWatchTest, FramesFromBeforeAClockWasSetForwardHoldNothingUp) {
  watch_.expect(flow(40'000), 7);
  source_.push(tcp_packet(client(40'000), server(), tcp_flag::syn), -2h);
  watch_.let_go(flow(40'000), 7);
  ASSERT_NO_FATAL_FAILURE(wait_for_words(1));
  EXPECT_NE(word(7).states, nullptr);
}

TEST_F(FlowWatchTest, FramesFromBeforeAClockWasSetBackHoldNothingUp) {
  watch_.expect(flow(40'000), 7);
  source_.push(tcp_packet(client(40'000), server(), tcp_flag::syn), 2h);
  source_.push(tcp_packet(server(), client(40'000), syn_ack));
  watch_.let_go(flow(40'000), 7);
  ASSERT_NO_FATAL_FAILURE(wait_for_words(1));
  EXPECT_EQ(packets(word(7), Direction::forward), 1u);
  EXPECT_EQ(packets(word(7), Direction::reverse), 1u);
  watch_.expect(flow(40'001), 8);
  handshake(40'001);
  watch_.let_go(flow(40'001), 8);
  ASSERT_NO_FATAL_FAILURE(wait_for_words(2));
  EXPECT_EQ(packets(word(8), Direction::forward), 2u);
}

TEST_F(FlowWatchTest, MayBeStoppedWithFlowsExpected) {
  watch_.expect(flow(40'000), 7);
  handshake(40'000);
  watch_.stop();
  EXPECT_FALSE(watch_.ended()) << "not by itself";
  watch_.stop();
}

}  // namespace
}  // namespace spiderling
