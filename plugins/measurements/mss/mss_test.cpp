// Packets of one connection in, through the real chains, conditions out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spiders/test_measurement.h"

namespace spiderling {
namespace {

using namespace testing;
using ::testing::ElementsAre;

using Packets = std::vector<PacketBytes>;

class MssTest : public ::testing::TestWithParam<IpVersion> {
 protected:
  static constexpr std::uint8_t syn_ack = tcp_flag::syn | tcp_flag::ack;

  PacketBytes sent(std::uint8_t flags, const OptionBytes& options = {}) const {
    return tcp_packet(hosts_.client, hosts_.server, flags, {.options = options});
  }
  PacketBytes received(std::uint8_t flags, const OptionBytes& options = {}) const {
    return tcp_packet(hosts_.server, hosts_.client, flags, {.options = options});
  }
  Packets handshake(const OptionBytes& asked, const OptionBytes& answered) const {
    return {sent(tcp_flag::syn, asked), received(syn_ack, answered), sent(tcp_flag::ack)};
  }

  const Hosts hosts_ = hosts(GetParam());
  MeasurementRig rig_{"mss"};
};

INSTANTIATE_TEST_SUITE_P(BothVersions, MssTest, ::testing::Values(IpVersion::v4, IpVersion::v6),
                         [](const auto& version) { return version.param == IpVersion::v4 ? "v4" : "v6"; });

TEST_P(MssTest, IsOneConnectionWhichChangesNothing) {
  const auto runs = rig_.measurement().runs();
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].socket, SocketSetup{});
  EXPECT_TRUE(runs[0].host.empty());
  EXPECT_EQ(rig_.description().connect_supported.front(), ConnectMode::tcp);
}

TEST_P(MssTest, WhatCameBackIsComparedWithWhatWasSent) {
  const struct {
    std::uint16_t remote;
    const char* received;
  } cases[] = {
      {1460, "unchanged"}, {1459, "deflated"}, {0, "deflated"}, {1461, "inflated"}, {65535, "inflated"}};
  for (const auto& one : cases) {
    EXPECT_THAT(rig_.conditions({{.packets = handshake(tcp_option::mss(1460), tcp_option::mss(one.remote))}}),
                ElementsAre("mss.connectivity.online", "mss.option.local.value:1460",
                            "mss.option.remote.value:" + std::to_string(one.remote),
                            std::string("mss.option.received.") + one.received));
  }
}

TEST_P(MssTest, Absent) {
  EXPECT_THAT(
      rig_.conditions({{.packets = handshake(tcp_option::mss(1220), {})}}),
      ElementsAre("mss.connectivity.online", "mss.option.local.value:1220", "mss.option.received.absent"));
}

TEST_P(MssTest, OfflineSaysNothingOfOptions) {
  const Packets silence{sent(tcp_flag::syn, tcp_option::mss(1460)),
                        sent(tcp_flag::syn, tcp_option::mss(1460))};
  EXPECT_THAT(rig_.conditions({{.state = ConnectionState::timeout, .packets = silence}}),
              ElementsAre("mss.connectivity.offline"));
  const Packets refused{sent(tcp_flag::syn, tcp_option::mss(1460)), received(tcp_flag::rst | tcp_flag::ack)};
  EXPECT_THAT(rig_.conditions({{.state = ConnectionState::failed, .packets = refused}}),
              ElementsAre("mss.connectivity.offline"));
}

TEST_P(MssTest, AHandshakeTellsAlsoWhenWhatFollowedFailed) {
  EXPECT_THAT(rig_.conditions({{.state = ConnectionState::failed,
                                .packets = handshake(tcp_option::mss(1460), tcp_option::mss(536))}}),
              ElementsAre("mss.connectivity.offline", "mss.option.local.value:1460",
                          "mss.option.remote.value:536", "mss.option.received.deflated"));
}

TEST_P(MssTest, WhatWasNotSeenWholeIsNotConcludedFrom) {
  const Packets whole = handshake(tcp_option::mss(1460), tcp_option::mss(536));
  EXPECT_THAT(rig_.conditions({{.packets = whole, .lossy = true}}),
              ElementsAre("mss.connectivity.online", "pathspider.not_observed"));
  EXPECT_THAT(rig_.conditions({{}}),
              ElementsAre("mss.connectivity.online", "pathspider.not_observed", "pathspider.missed_flows:1"));
  EXPECT_THAT(
      rig_.conditions({{.packets = {sent(tcp_flag::syn, tcp_option::mss(1460)), sent(tcp_flag::ack)}}}),
      ElementsAre("mss.connectivity.online", "pathspider.not_observed"))
      << "no SYN/ACK";
  EXPECT_THAT(rig_.conditions({{.packets = handshake({}, tcp_option::mss(1460))}}),
              ElementsAre("mss.connectivity.online", "pathspider.not_observed"))
      << "ours is not known";
}

TEST_P(MssTest, SkippedAndDiscardedConnectionsAreNotJudged) {
  for (const ConnectionState state : {ConnectionState::skipped, ConnectionState::discard}) {
    EXPECT_THAT(rig_.conditions({{.state = state, .packets = handshake(tcp_option::mss(1), {})}}),
                ElementsAre("pathspider.skipped"));
  }
}

}  // namespace
}  // namespace spiderling
