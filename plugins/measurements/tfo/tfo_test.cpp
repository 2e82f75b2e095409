// Packets of three connections in, through the real chains, conditions out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spiders/test_measurement.h"

namespace spiderling {
namespace {

using namespace testing;
using ::testing::ElementsAre;

using Packets = std::vector<PacketBytes>;
const std::uint8_t cookie[] = {1, 2, 3, 4, 5, 6, 7, 8};
constexpr std::uint32_t sequence = 0xffff'fffe;  // its SYN and data go past the end of the numbers
constexpr std::string_view data = "question";

class TfoTest : public ::testing::TestWithParam<IpVersion> {
 protected:
  static constexpr std::uint8_t syn = tcp_flag::syn, syn_ack = tcp_flag::syn | tcp_flag::ack;

  PacketBytes sent(std::uint8_t flags, const OptionBytes& options = {}, std::string_view payload = {}) const {
    return tcp_packet(hosts_.client, hosts_.server, flags,
                      {.sequence = sequence, .options = options, .payload = payload});
  }
  PacketBytes received(std::uint8_t flags, std::uint32_t acknowledged = 0,
                       const OptionBytes& options = {}) const {
    return tcp_packet(hosts_.server, hosts_.client, flags,
                      {.acknowledgement = sequence + 1 + acknowledged, .options = options});
  }
  Told plain() const { return {.packets = {sent(syn), received(syn_ack), sent(tcp_flag::ack)}}; }
  Told asks(bool given) const {
    return {.packets = {sent(syn, tcp_option::fast_open()),
                        received(syn_ack, 0, given ? tcp_option::fast_open(cookie) : OptionBytes{}),
                        sent(tcp_flag::ack)}};
  }
  Told with_data(std::uint32_t acknowledged) const {
    return {.packets = {sent(syn, tcp_option::fast_open(cookie), data), received(syn_ack, acknowledged),
                        sent(tcp_flag::ack)}};
  }
  Told silence(PacketBytes first) const {
    return {.state = ConnectionState::timeout, .packets = {std::move(first)}};
  }
  std::vector<std::string> conditions(const Told& a, const Told& b, const Told& c) const {
    return rig_.conditions({a, b, c});
  }

  const Hosts hosts_ = hosts(GetParam());
  MeasurementRig rig_{"tfo"};
};

INSTANTIATE_TEST_SUITE_P(BothVersions, TfoTest, ::testing::Values(IpVersion::v4, IpVersion::v6),
                         [](const auto& version) { return version.param == IpVersion::v4 ? "v4" : "v6"; });

TEST_P(TfoTest, IsThreeConnectionsOneAfterTheOther) {
  EXPECT_TRUE(rig_.measurement().in_order());
  EXPECT_EQ(rig_.description().connect_supported.front(), ConnectMode::dnstcp);
  const auto runs = rig_.measurement().runs();
  ASSERT_EQ(runs.size(), 3u);
  EXPECT_EQ(runs[0].socket.fast_open, FastOpen::unused);
  EXPECT_EQ(runs[1].socket.fast_open, FastOpen::ask);
  EXPECT_EQ(runs[2].socket.fast_open, FastOpen::use);
  const auto settings = rig_.measurement().host_settings();
  ASSERT_EQ(settings.size(), 2u);
  EXPECT_TRUE(settings[0].adds_bits) << "servers of this host stay as they are";
}

TEST_P(TfoTest, WorksWithDataAcknowledged) {
  EXPECT_THAT(conditions(plain(), asks(true), with_data(data.size())),
              ElementsAre("tfo.connectivity.works", "tfo.cookie.received", "tfo.syndata.acked"));
}

TEST_P(TfoTest, WorksWithDataNotAcknowledged) {
  EXPECT_THAT(conditions(plain(), asks(true), with_data(0)),
              ElementsAre("tfo.connectivity.works", "tfo.cookie.received", "tfo.syndata.not_acked"));
}

TEST_P(TfoTest, PartOfTheDataAcknowledgedIsNeither) {
  EXPECT_THAT(conditions(plain(), asks(true), with_data(3)),
              ElementsAre("tfo.connectivity.works", "tfo.cookie.received"));
}

TEST_P(TfoTest, WithoutACookieThereIsNoData) {
  EXPECT_THAT(conditions(plain(), asks(false), asks(false)),
              ElementsAre("tfo.connectivity.works", "tfo.cookie.not_received"));
}

TEST_P(TfoTest, AnEmptyOptionIsNoCookie) {
  Told b = asks(false);
  b.packets[1] = received(syn_ack, 0, tcp_option::fast_open());
  EXPECT_THAT(conditions(plain(), b, asks(false)),
              ElementsAre("tfo.connectivity.works", "tfo.cookie.not_received"));
}

TEST_P(TfoTest, BrokenWhereDataOnTheSynIsDropped) {
  EXPECT_THAT(conditions(plain(), asks(true), silence(sent(syn, tcp_option::fast_open(cookie), data))),
              ElementsAre("tfo.connectivity.broken", "tfo.cookie.received", "tfo.syndata.failed"));
}

TEST_P(TfoTest, BrokenWhereTheOptionIsDropped) {
  const Told dropped = silence(sent(syn, tcp_option::fast_open()));
  EXPECT_THAT(conditions(plain(), dropped, dropped), ElementsAre("tfo.connectivity.broken"));
}

TEST_P(TfoTest, TransientAndOffline) {
  const Told lost = silence(sent(syn)), asked = silence(sent(syn, tcp_option::fast_open()));
  EXPECT_THAT(conditions(lost, asks(true), with_data(data.size())),
              ElementsAre("tfo.connectivity.transient", "tfo.cookie.received", "tfo.syndata.acked"));
  EXPECT_THAT(conditions(lost, asked, asked), ElementsAre("tfo.connectivity.offline"));
}

// The kernel sends a lost SYN again without option and data: what then stands says nothing about Fast Open.
TEST_P(TfoTest, AConnectionThatStandsOnARetreatIsNotSaidToWork) {
  const auto retreated = [&](const PacketBytes& first) {
    return Told{.packets = {first, sent(syn), received(syn_ack), sent(tcp_flag::ack)}};
  };
  const Told c = retreated(sent(syn, tcp_option::fast_open(cookie), data));
  EXPECT_THAT(conditions(plain(), asks(true), c), ElementsAre("tfo.fallback.seen"));
  const Told b = retreated(sent(syn, tcp_option::fast_open()));
  EXPECT_THAT(conditions(plain(), b, with_data(8)), ElementsAre("tfo.fallback.seen"));
}

TEST_P(TfoTest, ALostSynOfTheBaselineIsSentAgain) {
  const Told a{.packets = {sent(syn), sent(syn), received(syn_ack), sent(tcp_flag::ack)}};
  EXPECT_THAT(conditions(a, asks(true), with_data(data.size())),
              ElementsAre("tfo.connectivity.works", "tfo.cookie.received", "tfo.syndata.acked"));
}

TEST_P(TfoTest, WhatWasNotSentAsWantedIsNotJudged) {
  EXPECT_THAT(conditions(asks(true), asks(true), with_data(8)), ElementsAre("pathspider.not_observed"))
      << "the baseline asked";
  EXPECT_THAT(conditions(plain(), plain(), with_data(8)), ElementsAre("pathspider.not_observed"))
      << "the second did not ask";
  EXPECT_THAT(conditions(plain(), asks(true), plain()), ElementsAre("pathspider.not_observed"))
      << "the third did not use it";
  EXPECT_THAT(conditions(plain(), with_data(8), with_data(8)), ElementsAre("pathspider.not_observed"))
      << "the second had a cookie already, whose origin is not known";
}

TEST_P(TfoTest, WhatMayHaveBeenLostIsNotConcludedFrom) {
  Told b = asks(true), c = with_data(8);
  b.lossy = true;
  EXPECT_THAT(conditions(plain(), b, c),
              ElementsAre("tfo.connectivity.works", "pathspider.not_observed", "tfo.syndata.acked"));
  c.lossy = true;
  EXPECT_THAT(conditions(plain(), asks(true), c),
              ElementsAre("tfo.connectivity.works", "tfo.cookie.received", "pathspider.not_observed"));
  EXPECT_THAT(conditions({}, {}, {}),
              ElementsAre("tfo.connectivity.works", "pathspider.not_observed", "pathspider.missed_flows:3"));
}

TEST_P(TfoTest, ConnectionsThatStandHaveSynAcks) {
  Told b = asks(true), c = with_data(8);
  b.packets.erase(b.packets.begin() + 1);
  c.packets.erase(c.packets.begin() + 1);
  EXPECT_THAT(conditions(plain(), b, with_data(8)),
              ElementsAre("tfo.connectivity.works", "pathspider.not_observed", "tfo.syndata.acked"));
  EXPECT_THAT(conditions(plain(), asks(true), c),
              ElementsAre("tfo.connectivity.works", "tfo.cookie.received", "pathspider.not_observed"));
}

// Linux leaves the cookie out of a SYN+ACK that it sends again.
TEST_P(TfoTest, ALateAnswerWithoutACookieSaysNothing) {
  const auto late = [&](bool given) {
    Told b = asks(given);
    b.packets.insert(b.packets.begin() + 1, 1000, sent(tcp_flag::ack));  // a millisecond each
    return b;
  };
  EXPECT_THAT(conditions(plain(), late(false), asks(false)),
              ElementsAre("tfo.connectivity.works", "pathspider.not_observed"));
  EXPECT_THAT(conditions(plain(), late(true), with_data(data.size())),
              ElementsAre("tfo.connectivity.works", "tfo.cookie.received", "tfo.syndata.acked"));
}

TEST_P(TfoTest, SkippedAndDiscardedConnectionsAreNotJudged) {
  for (const ConnectionState state : {ConnectionState::skipped, ConnectionState::discard}) {
    Told c = with_data(8);
    c.state = state;
    EXPECT_THAT(conditions(plain(), asks(true), c), ElementsAre("pathspider.skipped"));
  }
}

}  // namespace
}  // namespace spiderling
