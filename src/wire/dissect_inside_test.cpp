// Transports, payloads, quotations, tunnels.
#include <gtest/gtest.h>

#include "spiderling/dns_builder.h"
#include "wire/dissect.h"
#include "wire/testing.h"

namespace spiderling {
namespace {

using testing::as_text;
using testing::dissect;
using testing::hex;

const Ip4Fields v4{.source = *IpAddress::parse("192.0.2.1"),
                   .destination = *IpAddress::parse("198.51.100.7")};
const Ip6Fields v6{.source = *IpAddress::parse("2001:db8::1"),
                   .destination = *IpAddress::parse("2001:db8::2")};

class Inside : public ::testing::Test {
 protected:
  PacketBuffer<2048> p;
  PacketBuilder& over4() { return p.clear().ip4(v4); }
  PacketBuilder& over6() { return p.clear().ip6(v6); }
  static Packet built(PacketBuilder& builder) { return dissect(*builder.finish(), LinkType::raw_ip); }
};

TEST_F(Inside, Tcp) {
  const Packet packet = built(over6()
                                  .tcp({.source_port = 443,
                                        .destination_port = 50000,
                                        .sequence = 0xffffffff,
                                        .acknowledgement = 7,
                                        .flags = tcp_flag::syn | tcp_flag::ack | tcp_flag::ece},
                                       {tcp_option::mss(1400), tcp_option::window_scale(9)})
                                  .payload("early"));
  ASSERT_TRUE(packet.tcp());
  EXPECT_EQ(packet.tcp()->sequence(), 0xffffffffu);
  EXPECT_EQ(packet.tcp()->header_length(), 28u);
  EXPECT_EQ(packet.tcp()->options().find(TcpOptionKind::window_scale)->data[0], 9);
  EXPECT_EQ(as_text(packet.payload()), "early");
  EXPECT_EQ(packet.payload_length(), 5u);
  EXPECT_EQ(packet.transport().bytes.size(), 33u);
  EXPECT_TRUE(packet.is(IpProtocol::tcp));
  EXPECT_FALSE(packet.udp());
  EXPECT_FALSE(packet.icmp());
}

TEST_F(Inside, TcpHeadersThatLie) {
  const Packet too_short = built(over4().tcp({.source_port = 5, .header_words = 4}).fill(10));
  EXPECT_EQ(too_short.defect(), Defect::bad_transport);
  EXPECT_EQ(too_short.payload().size(), 0u);
  EXPECT_EQ(too_short.source_port(), 5);
  const Packet too_long = built(over4().tcp({.header_words = 15}).fill(10));
  EXPECT_EQ(too_long.defect(), Defect::bad_transport);
  const Packet bad_option =
      built(over4().tcp({}, {tcp_option::any(8, 0, {}), tcp_option::mss(5)}).payload("x"));
  EXPECT_EQ(bad_option.defect(), Defect::bad_option);
  EXPECT_EQ(as_text(bad_option.payload()), "x");
  EXPECT_FALSE(bad_option.tcp()->options().well_formed());
}

TEST_F(Inside, UdpLengths) {
  EXPECT_EQ(as_text(built(over4().udp({.length = 11}).payload("abcdef")).payload()), "abc");
  EXPECT_EQ(built(over4().udp({.length = 7}).payload("abcdef")).defect(), Defect::bad_transport);
  EXPECT_EQ(built(over4().udp({.length = 100}).payload("abcdef")).defect(), Defect::bad_transport);
  EXPECT_EQ(built(over4().udp({}).payload("")).payload_length(), 0u);
}

TEST_F(Inside, UdpLiteSctpAndOthers) {
  const Packet lite =
      built(over4().udp_lite({.source_port = 3, .destination_port = 4, .coverage = 8}).payload("lite"));
  EXPECT_EQ(lite.source_port(), 3);
  EXPECT_EQ(lite.destination_port(), 4);
  EXPECT_EQ(as_text(lite.payload()), "lite");
  EXPECT_FALSE(lite.udp());
  const Packet sctp = built(over6().sctp({.source_port = 3, .destination_port = 4, .verification_tag = 5}));
  EXPECT_EQ(sctp.sctp()->verification_tag(), 5u);
  EXPECT_TRUE(sctp.has_ports());
  Ip4Fields ospf = v4;
  ospf.protocol = 89;
  const Packet other = built(p.clear().ip4(ospf).payload("hello"));
  EXPECT_EQ(other.protocol(), 89);
  EXPECT_FALSE(other.has_ports());
  EXPECT_EQ(other.source_port(), 0);
  EXPECT_EQ(as_text(other.payload()), "hello");
  EXPECT_EQ(as_text(other.transport().bytes), "hello");
}

TEST_F(Inside, PortsOfACutTransportHeaderAreRead) {
  const Bytes bytes = *over4().tcp({.source_port = 5, .destination_port = 6}).finish();
  const Packet cut = dissect(bytes.first(24), LinkType::raw_ip, 40);
  EXPECT_EQ(cut.defect(), Defect::cut_transport);
  EXPECT_TRUE(cut.has_ports());
  EXPECT_EQ(cut.destination_port(), 6);
  EXPECT_FALSE(cut.tcp());
  EXPECT_FALSE(dissect(bytes.first(23), LinkType::raw_ip, 40).has_ports());
}

TEST_F(Inside, DnsOverUdp) {
  DnsBuffer<512> dns;
  const Bytes query = *dns.header(5, 0).question("example.org", dns_type::a).finish();
  for (const std::uint16_t port : {std::uint16_t{53}, std::uint16_t{5353}}) {
    const Packet packet = built(over4().udp({.source_port = 4000, .destination_port = port}).payload(query));
    ASSERT_TRUE(packet.dns());
    EXPECT_EQ(packet.dns()->questions().front().name(), "example.org");
  }
  EXPECT_TRUE(built(over4().udp({.source_port = 53}).payload(query)).dns());
  EXPECT_FALSE(built(over4().udp({.source_port = 54}).payload(query)).dns());
  EXPECT_FALSE(built(over4().udp({.source_port = 53}).payload(query.first(11))).dns());
}

TEST_F(Inside, DnsOverTcp) {
  DnsBuffer<512> dns;
  const Bytes query = *dns.header(5, 0).question("example.org", dns_type::a).finish();
  std::uint8_t length[2];
  store_be16(length, static_cast<std::uint16_t>(query.size()));
  const TcpFields tcp{.source_port = 53, .destination_port = 4000};
  const Packet packet = built(over6().tcp(tcp).payload(Bytes(length)).payload(query).payload("next message"));
  ASSERT_TRUE(packet.dns());
  EXPECT_TRUE(packet.dns()->well_formed());
  EXPECT_EQ(packet.dns()->bytes().size(), query.size());
  EXPECT_FALSE(built(over6().tcp(tcp).payload(Bytes(length)).payload(query.first(20))).dns());
  EXPECT_FALSE(built(over6().tcp(tcp).payload(Bytes(length).first(1))).dns());
  EXPECT_FALSE(built(over6().tcp(tcp)).dns());
}

TEST_F(Inside, Icmp) {
  const Packet echo = built(over4().icmp4({.type = 8, .rest_of_header = icmp_echo(7, 9)}).payload("ping"));
  EXPECT_EQ(echo.icmp()->type(), icmp4_type::echo_request);
  EXPECT_EQ(echo.icmp()->rest_of_header(), 0x00070009u);
  EXPECT_FALSE(echo.icmp()->is_error());
  EXPECT_FALSE(echo.quotation());
  EXPECT_FALSE(echo.has_ports());
  EXPECT_EQ(as_text(echo.payload()), "ping");
  // ICMPv6 in IPv4 and the other way round is not ICMP.
  EXPECT_FALSE(built(over4().icmp6({.type = 128})).icmp());
  EXPECT_FALSE(built(over6().icmp4({.type = 8})).icmp());
}

TEST_F(Inside, QuotationInIpv4) {
  PacketBuffer<2048> original;
  const Bytes quoted =
      *original.ip4(v4).tcp({.source_port = 1234, .destination_port = 80}).fill(1000).finish();
  // RFC 792: the IP header and eight bytes more; the quotation's own length says 1040.
  const Packet packet = built(over4().icmp4({.type = 3, .code = 1}).payload(quoted.first(28)));
  const auto quotation = packet.quotation();
  ASSERT_TRUE(quotation);
  EXPECT_EQ(quotation->source(), v4.source);
  EXPECT_EQ(quotation->source_port(), 1234);
  EXPECT_EQ(quotation->destination_port(), 80);
  EXPECT_EQ(quotation->ip_length(), 1040u);
  EXPECT_EQ(quotation->protocol(), 6);
  EXPECT_FALSE(quotation->tcp());
  EXPECT_EQ(quotation->defect(), Defect::cut_transport);

  EXPECT_FALSE(built(over4().icmp4({.type = 3}).payload(quoted.first(19))).quotation());
  ASSERT_TRUE(built(over4().icmp4({.type = 3}).payload(quoted.first(20))).quotation());
  EXPECT_FALSE(built(over4().icmp4({.type = 3}).payload(quoted.first(20))).quotation()->has_ports());
}

TEST_F(Inside, QuotationInIpv6) {
  PacketBuffer<2048> original;
  const Bytes quoted =
      *original.ip6(v6).udp({.source_port = 1234, .destination_port = 33434}).fill(60).finish();
  const Packet packet = built(over6().icmp6({.type = 3}).quote(quoted));
  ASSERT_TRUE(packet.quotation());
  EXPECT_EQ(packet.quotation()->destination_port(), 33434);
  EXPECT_EQ(packet.quotation()->payload_length(), 60u);
  EXPECT_FALSE(built(over6().icmp6({.type = 3}).payload(quoted.first(39))).quotation());
  // Another version's packet cannot be what the error is about.
  EXPECT_FALSE(built(over4().icmp4({.type = 11}).quote(quoted)).quotation());
}

TEST_F(Inside, Tunnels) {
  const UdpFields inner_udp{.source_port = 7, .destination_port = 8};
  const auto ports_of_inner = [](const Packet& packet) {
    const auto inner = packet.inner();
    return inner && inner->source_port() == 7 && inner->destination_port() == 8 &&
           as_text(inner->payload()) == "in";
  };
  EXPECT_TRUE(ports_of_inner(built(over4().ip4(v4).udp(inner_udp).payload("in"))));
  EXPECT_TRUE(ports_of_inner(built(over4().ip6(v6).udp(inner_udp).payload("in"))));
  EXPECT_TRUE(ports_of_inner(built(over6().ip4(v4).udp(inner_udp).payload("in"))));
  EXPECT_TRUE(ports_of_inner(built(over6().ip6(v6).udp(inner_udp).payload("in"))));
  EXPECT_TRUE(ports_of_inner(built(over4().gre().ip4(v4).udp(inner_udp).payload("in"))));
  EXPECT_TRUE(ports_of_inner(built(over4().gre({.key = 1}).ip6(v6).udp(inner_udp).payload("in"))));
  EXPECT_TRUE(ports_of_inner(built(
      over6().gre({.with_checksum = true, .key = 1, .sequence = 2}).ip6(v6).udp(inner_udp).payload("in"))));
  EXPECT_TRUE(
      ports_of_inner(built(over4().gre().ethernet().vlan({.id = 3}).ip4(v4).udp(inner_udp).payload("in"))));
  EXPECT_TRUE(ports_of_inner(built(
      over4().udp({.destination_port = 4789}).vxlan({}).ethernet().ip6(v6).udp(inner_udp).payload("in"))));
}

TEST_F(Inside, WhatIsNoTunnel) {
  EXPECT_FALSE(built(over4().udp({.destination_port = 53}).fill(50)).inner());
  EXPECT_FALSE(built(over4().tcp({})).inner());
  EXPECT_FALSE(built(over4().udp({.destination_port = 4789}).fill(7)).inner());
  EXPECT_FALSE(built(over4().udp({.destination_port = 4789}).vxlan({.flags = 0}).ethernet().ip4(v4)).inner());
  EXPECT_FALSE(built(over4().gre({.version = 1}).ip4(v4)).inner());
  EXPECT_FALSE(built(over4().gre({.protocol = 0x880b}).fill(20)).inner());
  Ip4Fields ipip = v4;
  ipip.protocol = 4;
  EXPECT_FALSE(built(p.clear().ip4(ipip).fill(40)).inner());
  EXPECT_FALSE(built(p.clear().ip4(ipip)).inner());
}

TEST_F(Inside, TheInnerPacketOfACutTunnelKnowsItsWireLength) {
  const Bytes bytes = *over4().ip4(v4).udp({.source_port = 7}).fill(500).finish();
  const Packet packet = dissect(bytes.first(60), LinkType::raw_ip, static_cast<std::uint32_t>(bytes.size()));
  ASSERT_TRUE(packet.inner());
  EXPECT_EQ(packet.inner()->wire_length(), 528u);
  EXPECT_EQ(packet.inner()->payload_length(), 500u);
  EXPECT_EQ(packet.inner()->defect(), Defect::none);
}

}  // namespace
}  // namespace spiderling
