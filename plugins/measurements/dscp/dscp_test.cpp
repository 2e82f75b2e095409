// Packets of connections in, through the real chains, conditions out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spiders/test_measurement.h"

namespace spiderling {
namespace {

using namespace testing;
using ::testing::ElementsAre;

using Packets = std::vector<PacketBytes>;

class DscpTest : public ::testing::TestWithParam<IpVersion> {
 protected:
  static constexpr std::uint8_t syn_ack = tcp_flag::syn | tcp_flag::ack;

  void set_codepoints(std::vector<std::int64_t> codepoints) {
    OptionList list;
    rig_.measurement().options(list);
    ASSERT_EQ(list.options().size(), 1u);
    *std::get<std::vector<std::int64_t>*>(list.options()[0].target) = std::move(codepoints);
  }
  PacketBytes sent(std::uint8_t dscp, std::uint8_t flags, std::string_view payload = {}) const {
    return tcp_packet(hosts_.client, hosts_.server, flags, {.payload = payload, .ip = {.dscp = dscp}});
  }
  PacketBytes received(std::uint8_t dscp, std::uint8_t flags, std::string_view payload = {}) const {
    return tcp_packet(hosts_.server, hosts_.client, flags, {.payload = payload, .ip = {.dscp = dscp}});
  }
  Packets talk(std::uint8_t dscp, std::uint8_t reply) const {
    return {sent(dscp, tcp_flag::syn), received(reply, syn_ack), sent(dscp, tcp_flag::ack, "?"),
            received(reply, tcp_flag::ack, "!")};
  }
  Packets question(std::uint8_t dscp, std::uint8_t reply) const {
    return {udp_packet(hosts_.client, hosts_.server, 20, {.dscp = dscp}),
            udp_packet(hosts_.server, hosts_.client, 20, {.dscp = reply})};
  }
  Packets silence(std::uint8_t dscp) const { return {sent(dscp, tcp_flag::syn), sent(dscp, tcp_flag::syn)}; }

  const Hosts hosts_ = hosts(GetParam());
  MeasurementRig rig_{"dscp"};
};

INSTANTIATE_TEST_SUITE_P(BothVersions, DscpTest, ::testing::Values(IpVersion::v4, IpVersion::v6),
                         [](const auto& version) { return version.param == IpVersion::v4 ? "v4" : "v6"; });

TEST_P(DscpTest, TriesEachCodepointAgainstZero) {
  const auto codepoints = [&] {
    std::vector<int> all;
    for (const Configuration& one : rig_.measurement().runs()) all.push_back(one.socket.dscp.value_or(-1));
    return all;
  };
  EXPECT_THAT(codepoints(), ElementsAre(0, 48)) << "the default";
  set_codepoints({46, 0, 63, 46});
  EXPECT_THAT(codepoints(), ElementsAre(0, 46, 0, 63)) << "each once; 0 is one as any";
}

TEST_P(DscpTest, WorksWithTheMarksOfTheReplies) {
  EXPECT_THAT(rig_.conditions({{.packets = talk(0, 0)}, {.packets = talk(48, 48)}}),
              ElementsAre("dscp.0.replymark:0", "dscp.48.connectivity.works", "dscp.48.replymark:48"));
  EXPECT_THAT(rig_.conditions({{.packets = talk(0, 8)}, {.packets = talk(48, 0)}}),
              ElementsAre("dscp.0.replymark:8", "dscp.48.connectivity.works", "dscp.48.replymark:0"));
  EXPECT_THAT(rig_.conditions({{.packets = question(0, 10)}, {.packets = question(48, 0)}}),
              ElementsAre("dscp.0.replymark:10", "dscp.48.connectivity.works", "dscp.48.replymark:0"));
}

TEST_P(DscpTest, TheMarkOfTheSynAckCounts) {
  Packets b = talk(48, 48);
  b.back() = received(1, tcp_flag::ack, "!");
  EXPECT_THAT(rig_.conditions({{.packets = talk(0, 0)}, {.packets = b}}),
              ElementsAre("dscp.0.replymark:0", "dscp.48.connectivity.works", "dscp.48.replymark:48"));
}

TEST_P(DscpTest, ManyCodepoints) {
  set_codepoints({1, 2});
  EXPECT_THAT(rig_.conditions({{.packets = talk(0, 0)},
                               {.state = ConnectionState::timeout, .packets = silence(1)},
                               {.packets = talk(2, 2)}}),
              ElementsAre("dscp.0.replymark:0", "dscp.1.connectivity.broken", "dscp.2.connectivity.works",
                          "dscp.2.replymark:2"));
}

TEST_P(DscpTest, TransientAndOffline) {
  const Told silent{.state = ConnectionState::timeout, .packets = silence(0)};
  EXPECT_THAT(rig_.conditions({silent, {.packets = talk(48, 48)}}),
              ElementsAre("dscp.48.connectivity.transient", "dscp.48.replymark:48"));
  EXPECT_THAT(rig_.conditions({silent, {.state = ConnectionState::failed, .packets = silence(48)}}),
              ElementsAre("dscp.48.connectivity.offline"));
}

// A router's ICMP error carries a mark of its own (RFC 1812, section 4.3.2.5: precedence 6, which is 48).
TEST_P(DscpTest, AnErrorOfARouterIsNoReply) {
  const auto refused = [&](std::uint8_t dscp) {
    const PacketBytes asked = udp_packet(hosts_.client, hosts_.server, 20, {.dscp = dscp});
    return Told{.state = ConnectionState::failed,
                .packets = {asked, unreachable(hosts_.router, hosts_.client, asked)}};
  };
  EXPECT_THAT(rig_.conditions({refused(0), refused(48)}), ElementsAre("dscp.48.connectivity.offline"));
}

TEST_P(DscpTest, AConnectionThatFailedLaterStillHadAReply) {
  EXPECT_THAT(rig_.conditions({{.packets = talk(0, 0)},
                               {.state = ConnectionState::timeout,
                                .packets = {sent(48, tcp_flag::syn), received(48, syn_ack)}}}),
              ElementsAre("dscp.0.replymark:0", "dscp.48.connectivity.broken", "dscp.48.replymark:48"));
}

TEST_P(DscpTest, WhatWasNotSentAsWantedIsNotJudged) {
  EXPECT_THAT(rig_.conditions({{.packets = talk(0, 0)}, {.packets = talk(0, 0)}}),
              ElementsAre("dscp.0.replymark:0", "pathspider.not_observed"));
  EXPECT_THAT(rig_.conditions({{.packets = talk(48, 0)}, {.packets = talk(48, 48)}}),
              ElementsAre("pathspider.not_observed"));
  EXPECT_THAT(rig_.conditions({{.packets = question(0, 0)}, {.packets = question(47, 0)}}),
              ElementsAre("dscp.0.replymark:0", "pathspider.not_observed"));
}

TEST_P(DscpTest, WhatMayHaveBeenLostIsNotConcludedFrom) {
  EXPECT_THAT(rig_.conditions({{.packets = talk(0, 0)}, {.packets = talk(48, 48), .lossy = true}}),
              ElementsAre("dscp.0.replymark:0", "dscp.48.connectivity.works", "pathspider.not_observed"));
  EXPECT_THAT(rig_.conditions({{.packets = talk(0, 0)}, {}}),
              ElementsAre("dscp.0.replymark:0", "dscp.48.connectivity.works", "pathspider.not_observed",
                          "pathspider.missed_flows:1"));
  EXPECT_THAT(rig_.conditions({{.packets = talk(0, 0)}, {.packets = {sent(48, tcp_flag::syn)}}}),
              ElementsAre("dscp.0.replymark:0", "dscp.48.connectivity.works", "pathspider.not_observed"))
      << "it stands, so there was a SYN/ACK";
}

TEST_P(DscpTest, SkippedAndDiscardedConnectionsAreNotJudged) {
  for (const ConnectionState state : {ConnectionState::skipped, ConnectionState::discard})
    EXPECT_THAT(rig_.conditions({{.packets = talk(0, 0)}, {.state = state, .packets = talk(48, 48)}}),
                ElementsAre("pathspider.skipped"));
}

}  // namespace
}  // namespace spiderling
