#include "campaign/packet_replay.h"

#include <gtest/gtest.h>

#include <cstring>

#include "flows/test_observer.h"

namespace spiderling {
namespace {

using namespace testing;

constexpr std::uint8_t syn_ack = tcp_flag::syn | tcp_flag::ack;

class PacketReplayTest : public ::testing::TestWithParam<IpVersion> {
 protected:
  ExpectedFlow flow() const { return {hosts_.client.address, hosts_.server.address, 40000, 80, 6}; }
  static Timestamp at(std::int64_t since_start) {
    return Timestamp(std::chrono::nanoseconds(start_ns + since_start));
  }
  PacketBytes ours(std::uint8_t flags) const { return tcp_packet(hosts_.client, hosts_.server, flags); }
  PacketBytes theirs(std::uint8_t flags) const { return tcp_packet(hosts_.server, hosts_.client, flags); }

  // In batches as well as one by one, it comes to the same.
  void process(PacketReplay& replay) {
    if (GetParam() == IpVersion::v4) {
      replay.process(trace_.frames());
    } else {
      for (const Frame& frame : trace_.frames()) replay.process({&frame, 1});
    }
    replay.finish();
  }
  static std::pair<std::uint32_t, std::uint32_t> packets(const PacketReplay::Seen& seen) {
    if (seen.states == nullptr) return {0, 0};
    Trail::State state;
    std::memcpy(static_cast<void*>(&state), seen.states, sizeof state);
    const auto ip = [&](Direction direction) {
      return state.calls[Trail::ip4_hook][direction] + state.calls[Trail::ip6_hook][direction];
    };
    return {ip(Direction::forward), ip(Direction::reverse)};
  }
  using Packets = std::pair<std::uint32_t, std::uint32_t>;

  const Hosts hosts_ = hosts(GetParam());
  const ChainSet chains_ = chain_set<Trail>();
  Trace trace_;
};
INSTANTIATE_TEST_SUITE_P(Both, PacketReplayTest, ::testing::Values(IpVersion::v4, IpVersion::v6));

TEST_P(PacketReplayTest, AFlowIsSeenWithItsErrorsAndNothingElse) {
  trace_.at(0, ours(tcp_flag::syn))
      .at(second, theirs(syn_ack))
      .at(second, tcp_packet(hosts_.client, {hosts_.server.address, 81}, tcp_flag::syn))
      .at(2 * second, unreachable(hosts_.router, hosts_.client, ours(tcp_flag::ack)));
  PacketReplay replay(chains_);
  const auto number = replay.expect(flow(), at(0), at(2 * second));
  ExpectedFlow other = flow();
  other.sp = 1;
  const auto without = replay.expect(other, at(0), at(2 * second));
  process(replay);
  EXPECT_EQ(Packets(1, 2), packets(replay.seen(number)));
  EXPECT_EQ(at(0), replay.seen(number).first);
  EXPECT_EQ(at(2 * second), replay.seen(number).last);
  EXPECT_EQ(nullptr, replay.seen(without).states);
}

TEST_P(PacketReplayTest, TheSameFiveAgainAreAnotherFlow) {
  trace_.at(0, ours(tcp_flag::syn))
      .at(1, theirs(syn_ack))
      .at(10, ours(tcp_flag::syn))
      .at(20, ours(tcp_flag::syn))
      .at(21, theirs(syn_ack))
      .at(22, theirs(syn_ack));
  PacketReplay replay(chains_);
  // However far the earlier ones would reach, and in whatever order they are known.
  const auto third = replay.expect(flow(), at(20), at(second));
  const auto first = replay.expect(flow(), at(0), at(second));
  const auto second_one = replay.expect(flow(), at(10), at(second));
  process(replay);
  EXPECT_EQ(Packets(1, 1), packets(replay.seen(first)));
  EXPECT_EQ(Packets(1, 0), packets(replay.seen(second_one)));
  EXPECT_EQ(Packets(1, 2), packets(replay.seen(third)));
}

TEST_P(PacketReplayTest, OutsideItsTimeAFlowIsNotSeen) {
  trace_.at(0, ours(tcp_flag::syn))
      .at(10, ours(tcp_flag::syn))
      .at(20, theirs(syn_ack))
      .at(21, theirs(syn_ack))
      .at(22, ours(tcp_flag::ack));
  PacketReplay replay(chains_);
  const auto number = replay.expect(flow(), at(10), at(20));
  process(replay);
  EXPECT_EQ(Packets(1, 1), packets(replay.seen(number)));
}

TEST_P(PacketReplayTest, AFlowBeginsWithOurs) {
  trace_.at(0, theirs(tcp_flag::rst)).at(1, ours(tcp_flag::syn)).at(2, theirs(syn_ack));
  PacketReplay replay(chains_);
  const auto number = replay.expect(flow(), at(0), at(second));
  process(replay);
  EXPECT_EQ(Packets(1, 1), packets(replay.seen(number)));
  EXPECT_EQ(at(1), replay.seen(number).first);
}

TEST_P(PacketReplayTest, ItsWholeTimeIsKnown) {
  PacketReplay replay(chains_);
  replay.expect(flow(), at(5), at(9));
  replay.expect(flow(), at(3), at(2));  // ends before it begins: as long as a moment
  EXPECT_EQ(at(3), replay.first_begin());
  EXPECT_EQ(at(9), replay.last_end());
}

}  // namespace
}  // namespace spiderling
