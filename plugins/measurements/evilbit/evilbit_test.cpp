// Forged packets and their answers in, through the real chains, conditions out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spiderling/dns_builder.h"
#include "spiders/test_measurement.h"
#include "wire/dissect.h"

namespace spiderling {
namespace {

using namespace testing;
using ::testing::ElementsAre;

class EvilBitTest : public ::testing::TestWithParam<ConnectMode> {
 protected:
  static constexpr std::uint8_t syn_ack = tcp_flag::syn | tcp_flag::ack;

  EvilBitTest() {
    job_.dip = hosts_.server.address;
    job_.domain = "www.example.org";
  }
  bool by_tcp() const { return GetParam() == ConnectMode::tcpsyn; }

  PacketBytes forged(std::size_t seq) const {
    return rig_.measurement().forger()->forge(
        job_, seq,
        {hosts_.client.address, hosts_.server.address, hosts_.client.port, hosts_.server.port, GetParam()});
  }
  PacketBytes answer(bool evil) const {
    const IpExtras ip{.reserved_flag = evil};
    if (by_tcp()) return tcp_packet(hosts_.server, hosts_.client, syn_ack, {.ip = ip});
    DnsBuffer<512> dns;
    const auto message =
        dns.header(hosts_.client.port, dns_flag::response).question("www.example.org", dns_type::a).finish();
    return ip_packet(hosts_.server, hosts_.client, ip, [&](PacketBuilder& packet) {
      packet.udp({.source_port = hosts_.server.port, .destination_port = hosts_.client.port})
          .payload(*message);
    });
  }
  Told answered(std::size_t seq, bool evil = false) const { return {.packets = {forged(seq), answer(evil)}}; }
  Told silent(std::size_t seq) const { return {.packets = {forged(seq)}}; }

  const Hosts hosts_ = hosts(IpVersion::v4);
  Job job_;
  MeasurementRig rig_{"evilbit"};
};

INSTANTIATE_TEST_SUITE_P(BothModes, EvilBitTest, ::testing::Values(ConnectMode::tcpsyn, ConnectMode::dnsudp),
                         [](const auto& mode) { return std::string(name_of(mode.param)); });

TEST_P(EvilBitTest, ForgesThePacketWithoutTheBitAndWithIt) {
  ASSERT_EQ(rig_.measurement().runs().size(), 2u);
  EXPECT_EQ(rig_.description().connect_supported.front(), ConnectMode::tcpsyn);
  for (const std::size_t seq : {0u, 1u}) {
    const PacketBytes bytes = forged(seq);
    Packet packet;
    Dissector::dissect_ip(packet, bytes, static_cast<std::uint32_t>(bytes.size()), 0);
    ASSERT_TRUE(packet.ip4());
    EXPECT_EQ(packet.ip4()->reserved_flag(), seq == 1);
    EXPECT_TRUE(packet.is(rig_.measurement().forger()->protocol(GetParam())));
    EXPECT_EQ(packet.tcp().has_value(), by_tcp());
    if (!by_tcp()) {
      EXPECT_EQ(DnsMessage::at(packet.payload())->questions().front().name(), "www.example.org");
      continue;
    }
    EXPECT_EQ(packet.tcp()->flags(), tcp_flag::syn);
    EXPECT_NE(forged(seq), bytes) << "each has a sequence number of its own";
  }
}

TEST_P(EvilBitTest, WhatCannotBeAskedIsSaid) {
  EXPECT_EQ(rig_.measurement().unsuitable(job_), "");
  job_.dip = hosts(IpVersion::v6).server.address;
  EXPECT_EQ(rig_.measurement().unsuitable(job_), "IPv6 has no reserved bit (RFC 8200, section 3)");
}

TEST_P(EvilBitTest, ConnectivityAndTheBitOfTheReply) {
  EXPECT_THAT(rig_.conditions({answered(0), answered(1)}),
              ElementsAre("evilbit.connectivity.works", "evilbit.mark.not_seen"));
  EXPECT_THAT(rig_.conditions({answered(0), answered(1, true)}),
              ElementsAre("evilbit.connectivity.works", "evilbit.mark.seen"));
  EXPECT_THAT(rig_.conditions({answered(0, true), answered(1)}),
              ElementsAre("evilbit.connectivity.works", "evilbit.mark.not_seen"))
      << "that of the reply to B counts";
  EXPECT_THAT(rig_.conditions({answered(0), silent(1)}), ElementsAre("evilbit.connectivity.broken"));
  EXPECT_THAT(rig_.conditions({silent(0), answered(1)}),
              ElementsAre("evilbit.connectivity.transient", "evilbit.mark.not_seen"));
  EXPECT_THAT(rig_.conditions({silent(0), silent(1)}), ElementsAre("evilbit.connectivity.offline"));
}

TEST_P(EvilBitTest, ARefusalIsNoAnswer) {
  const auto unreached = [&](std::size_t seq) {
    return Told{.packets = {forged(seq), unreachable(hosts_.router, hosts_.client, forged(seq))}};
  };
  EXPECT_THAT(rig_.conditions({unreached(0), unreached(1)}), ElementsAre("evilbit.connectivity.offline"));
  if (!by_tcp()) return;
  const Told reset{
      .packets = {forged(1), tcp_packet(hosts_.server, hosts_.client, tcp_flag::rst | tcp_flag::ack)}};
  EXPECT_THAT(rig_.conditions({answered(0), reset}), ElementsAre("evilbit.connectivity.broken"));
}

TEST_P(EvilBitTest, WhatWasNotSentAsWantedIsNotJudged) {
  EXPECT_THAT(rig_.conditions({answered(0), answered(0)}), ElementsAre("pathspider.not_observed"));
  EXPECT_THAT(rig_.conditions({answered(1), answered(1)}), ElementsAre("pathspider.not_observed"));
}

TEST_P(EvilBitTest, WhatMayHaveBeenLostIsNotConcludedFrom) {
  Told lossy_silence = silent(1), lossy_answer = answered(1);
  lossy_silence.lossy = lossy_answer.lossy = true;
  EXPECT_THAT(rig_.conditions({answered(0), lossy_silence}), ElementsAre("pathspider.not_observed"));
  EXPECT_THAT(rig_.conditions({answered(0), lossy_answer}),
              ElementsAre("evilbit.connectivity.works", "pathspider.not_observed"));
  EXPECT_THAT(rig_.conditions({answered(0), {}}),
              ElementsAre("pathspider.not_observed", "pathspider.missed_flows:1"));
}

TEST_P(EvilBitTest, SkippedAndDiscardedPacketsAreNotJudged) {
  for (const ConnectionState state : {ConnectionState::skipped, ConnectionState::discard})
    EXPECT_THAT(rig_.conditions({answered(0), {.state = state, .packets = {forged(1)}}}),
                ElementsAre("pathspider.skipped"));
}

}  // namespace
}  // namespace spiderling
