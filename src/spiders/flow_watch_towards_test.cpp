// The watch over flows of which only the destination is known before their first packet.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include "flows/test_observer.h"
#include "spiders/flow_watch.h"
#include "spiders/test_source.h"

namespace spiderling {
namespace {

using namespace testing;
using namespace std::chrono_literals;

constexpr std::uint8_t syn_ack = tcp_flag::syn | tcp_flag::ack;

class TowardsTest : public ::testing::TestWithParam<IpVersion> {
 protected:
  TowardsTest() : watch_(source_, chains_, {.linger = 1ms}, [this] { woken(); }) { watch_.start(); }

  IpAddress dip() const { return hosts(GetParam()).server.address; }
  Endpoint client(std::uint16_t port) const { return {hosts(GetParam()).client.address, port}; }
  Endpoint server() const { return hosts(GetParam()).server; }
  void handshake(std::uint16_t port) {
    source_.push(tcp_packet(client(port), server(), tcp_flag::syn));
    source_.push(tcp_packet(server(), client(port), syn_ack));
    source_.push(tcp_packet(client(port), server(), tcp_flag::ack));
  }
  // The word of this token, alone.
  ObservedFlow next_word() {
    std::unique_lock lock(mutex_);
    while (words_.empty()) {
      EXPECT_TRUE(wake_.wait_for(lock, 30s, [&] { return wakes_ > 0; })) << "no word came";
      if (wakes_ == 0) return {};
      wakes_ = 0;
      for (ObservedFlow& one : watch_.take()) words_.push_back(std::move(one));
    }
    ObservedFlow word = std::move(words_.front());
    words_.erase(words_.begin());
    return word;
  }
  static Trail::State trail(const ObservedFlow& word) {
    Trail::State state;
    std::memcpy(static_cast<void*>(&state), word.states.get(), sizeof state);
    return state;
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

TEST_P(TowardsTest, TheFlowFromThePortThatIsNamedComesBack) {
  watch_.expect_towards(dip(), 7);
  watch_.expect_towards(dip(), 8);
  for (const int port : {40'000, 40'001, 40'002}) handshake(static_cast<std::uint16_t>(port));
  source_.push(tcp_packet(client(40'001), server(), tcp_flag::ack));
  source_.wait_until_read();
  watch_.let_go_towards(dip(), 40'001, 7);
  const ObservedFlow seven = next_word();
  EXPECT_EQ(seven.token, 7u);
  ASSERT_NE(seven.states, nullptr);
  EXPECT_FALSE(seven.lossy);
  EXPECT_EQ(trail(seven).source_port, 40'001);
  EXPECT_EQ(trail(seven).calls[Trail::tcp_hook][Direction::forward], 3u);
  watch_.let_go_towards(dip(), 40'000, 8);
  const ObservedFlow eight = next_word();
  EXPECT_EQ(eight.token, 8u);
  ASSERT_NE(eight.states, nullptr);
  EXPECT_EQ(trail(eight).source_port, 40'000);
}

TEST_P(TowardsTest, OfAPortThatSentNothingComesThatNothingWasSeen) {
  watch_.expect_towards(dip(), 7);
  handshake(40'000);
  source_.wait_until_read();
  watch_.let_go_towards(dip(), 40'009, 7);
  const ObservedFlow word = next_word();
  EXPECT_EQ(word.token, 7u);
  EXPECT_EQ(word.states, nullptr);
  EXPECT_FALSE(word.lossy);
}

TEST_P(TowardsTest, NobodyWaitsAndNothingIsWatched) {
  handshake(40'000);
  source_.wait_until_read();
  watch_.expect_towards(dip(), 7);
  source_.push(tcp_packet(server(), client(40'003), syn_ack));  // begins with the peer: none of ours
  source_.wait_until_read();
  watch_.let_go_towards(dip(), 40'000, 7);
  EXPECT_EQ(next_word().states, nullptr);
  // Given up: nothing is said, and what comes later finds nobody.
  watch_.expect_towards(dip(), 8);
  handshake(40'005);
  source_.wait_until_read();
  watch_.let_go_towards(dip(), 0, 8);
  watch_.expect_towards(dip(), 9);
  source_.wait_until_read();
  watch_.let_go_towards(dip(), 40'005, 9);
  const ObservedFlow word = next_word();
  EXPECT_EQ(word.token, 9u);
  EXPECT_EQ(word.states, nullptr) << "a flow of those that nobody waited for any more";
}

TEST_P(TowardsTest, AFlowThatIsExpectedByItsFiveIsNotOneOfThem) {
  watch_.expect_towards(dip(), 7);
  const ExpectedFlow exact{client(40'000).address, dip(), 40'000, server().port, 6};
  watch_.expect(exact, 8);
  handshake(40'000);
  source_.wait_until_read();
  watch_.let_go(exact, 8);
  const ObservedFlow eight = next_word();
  EXPECT_EQ(eight.token, 8u);
  EXPECT_NE(eight.states, nullptr);
  watch_.let_go_towards(dip(), 40'000, 7);
  EXPECT_EQ(next_word().states, nullptr);
}

// A bound, and a word about it: beyond it a flow that was not watched may have been the one.
TEST_P(TowardsTest, TooManyFlowsTowardsOneAddressAreNotWatchedAndItIsSaid) {
  watch_.expect_towards(dip(), 7);
  for (std::uint16_t i = 0; i < 2000; ++i)
    source_.push(tcp_packet(client(static_cast<std::uint16_t>(20'000 + i)), server(), tcp_flag::syn));
  source_.wait_until_read();
  watch_.let_go_towards(dip(), 21'999, 7);
  const ObservedFlow word = next_word();
  EXPECT_EQ(word.states, nullptr);
  EXPECT_TRUE(word.lossy);
  watch_.stop();
  EXPECT_LT(watch_.counters().flows, 100u);
}

TEST_P(TowardsTest, DroppedPacketsAreToldWhetherItWasSeenOrNot) {
  watch_.expect_towards(dip(), 7);
  watch_.expect_towards(dip(), 8);
  handshake(40'000);
  source_.drop(1);
  source_.wait_until_read();
  watch_.let_go_towards(dip(), 40'000, 7);
  EXPECT_TRUE(next_word().lossy);
  watch_.let_go_towards(dip(), 40'001, 8);
  EXPECT_TRUE(next_word().lossy);
}

INSTANTIATE_TEST_SUITE_P(Families, TowardsTest, ::testing::Values(IpVersion::v4, IpVersion::v6),
                         [](const auto& one) { return one.param == IpVersion::v4 ? "v4" : "v6"; });

}  // namespace
}  // namespace spiderling
