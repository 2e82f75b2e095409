// Forged packets and their answers in, through the real chains, conditions out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spiderling/dns_builder.h"
#include "spiderling/dns_query.h"
#include "spiders/test_measurement.h"
#include "wire/dissect.h"

namespace spiderling {
namespace {

using namespace testing;
using ::testing::ElementsAre;

class UdpZeroTest : public ::testing::Test {
 protected:
  UdpZeroTest() {
    hosts_.server.port = 53;
    job_.dip = hosts_.server.address;
    job_.domain = "www.example.org";
  }

  PacketBytes forged(std::size_t seq) const {
    return rig_.measurement().forger()->forge(
        job_, seq,
        {hosts_.client.address, hosts_.server.address, hosts_.client.port, 53, ConnectMode::dnsudp});
  }
  PacketBytes answer() const {
    DnsBuffer<512> dns;
    const auto message =
        dns.header(hosts_.client.port, dns_flag::response).question("www.example.org", dns_type::a).finish();
    return ip_packet(hosts_.server, hosts_.client, {}, [&](PacketBuilder& packet) {
      packet.udp({.source_port = 53, .destination_port = hosts_.client.port}).payload(*message);
    });
  }
  Told answered(std::size_t seq) const { return {.packets = {forged(seq), answer()}}; }
  Told silent(std::size_t seq) const { return {.packets = {forged(seq)}}; }

  Hosts hosts_ = hosts(IpVersion::v4);
  Job job_;
  MeasurementRig rig_{"udpzero"};
};

TEST_F(UdpZeroTest, ForgesAQuestionWithItsChecksumAndWithout) {
  ASSERT_EQ(rig_.measurement().runs().size(), 2u);
  EXPECT_EQ(rig_.measurement().forger()->protocol(ConnectMode::dnsudp), IpProtocol::udp);
  for (const std::size_t seq : {0u, 1u}) {
    const PacketBytes bytes = forged(seq);
    Packet packet;
    Dissector::dissect_ip(packet, bytes, static_cast<std::uint32_t>(bytes.size()), 0);
    ASSERT_TRUE(packet.udp());
    EXPECT_EQ(packet.udp()->checksum() == 0, seq == 1);
    const auto dns = DnsMessage::at(packet.payload());
    ASSERT_TRUE(dns && dns->well_formed());
    EXPECT_EQ(dns->questions().front().name(), "www.example.org");
    EXPECT_EQ(packet.destination(), job_.dip);
  }
}

TEST_F(UdpZeroTest, WhatCannotBeAskedIsSaid) {
  EXPECT_EQ(rig_.measurement().unsuitable(job_), "");
  Job without_domain = job_;
  without_domain.domain.clear();
  EXPECT_EQ(rig_.measurement().unsuitable(without_domain), "");
  Job of_ipv6 = job_;
  of_ipv6.dip = hosts(IpVersion::v6).server.address;
  EXPECT_EQ(rig_.measurement().unsuitable(of_ipv6),
            "IPv6 allows no UDP checksum of zero (RFC 8200, section 8.1)");
  Job bad = job_;
  bad.domain = "a..b";
  EXPECT_EQ(rig_.measurement().unsuitable(bad), "the job's domain is no name of DNS");
}

TEST_F(UdpZeroTest, Connectivity) {
  EXPECT_THAT(rig_.conditions({answered(0), answered(1)}), ElementsAre("udpzero.connectivity.works"));
  EXPECT_THAT(rig_.conditions({answered(0), silent(1)}), ElementsAre("udpzero.connectivity.broken"));
  EXPECT_THAT(rig_.conditions({silent(0), answered(1)}), ElementsAre("udpzero.connectivity.transient"));
  EXPECT_THAT(rig_.conditions({silent(0), silent(1)}), ElementsAre("udpzero.connectivity.offline"));
}

TEST_F(UdpZeroTest, OnlyAnAnswerOfDnsIsAnAnswer) {
  const auto refused = [&](std::size_t seq) {
    return Told{.packets = {forged(seq), unreachable(hosts_.router, hosts_.client, forged(seq))}};
  };
  EXPECT_THAT(rig_.conditions({refused(0), refused(1)}), ElementsAre("udpzero.connectivity.offline"));
  const Told garbage{.packets = {forged(1), udp_packet(hosts_.server, hosts_.client)}};
  EXPECT_THAT(rig_.conditions({answered(0), garbage}), ElementsAre("udpzero.connectivity.broken"));
}

TEST_F(UdpZeroTest, WhatWasNotSentAsWantedIsNotJudged) {
  EXPECT_THAT(rig_.conditions({answered(0), answered(0)}), ElementsAre("pathspider.not_observed"));
  EXPECT_THAT(rig_.conditions({answered(1), answered(1)}), ElementsAre("pathspider.not_observed"));
}

TEST_F(UdpZeroTest, SilenceIsNotConcludedFromWhatMayHaveBeenLost) {
  Told lossy_silence = silent(1), lossy_answer = answered(1);
  lossy_silence.lossy = lossy_answer.lossy = true;
  EXPECT_THAT(rig_.conditions({answered(0), lossy_silence}), ElementsAre("pathspider.not_observed"));
  EXPECT_THAT(rig_.conditions({answered(0), lossy_answer}), ElementsAre("udpzero.connectivity.works"));
  EXPECT_THAT(rig_.conditions({answered(0), {}}),
              ElementsAre("pathspider.not_observed", "pathspider.missed_flows:1"));
}

TEST_F(UdpZeroTest, SkippedAndDiscardedPacketsAreNotJudged) {
  for (const ConnectionState state : {ConnectionState::skipped, ConnectionState::discard})
    EXPECT_THAT(rig_.conditions({answered(0), {.state = state}}),
                ElementsAre("pathspider.skipped", "pathspider.missed_flows:1"));
}

}  // namespace
}  // namespace spiderling
