#include "spiderling/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/checksum.h"
#include "wire/testing.h"

namespace spiderling {
namespace {

using testing::as_text;
using testing::dissect;
using ::testing::ElementsAreArray;
using testing::hex;

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }
MacAddress mac(std::uint8_t last) { return MacAddress{{0x02, 0, 0, 0, 0, last}}; }

// The example of the header.
tl::expected<Bytes, BuildError> syn_with_ecn(PacketBuilder& packet, IpAddress client, IpAddress server) {
  const auto bytes = packet.ethernet()
                         .ip4({.source = client, .destination = server, .ecn = Ecn::ect0})
                         .tcp({.source_port = 40000, .destination_port = 80, .flags = tcp_flag::syn},
                              {tcp_option::mss(1460), tcp_option::sack_permitted()})
                         .finish();
  return bytes;
}

TEST(PacketBuilder, BuildsTheExampleOfItsComment) {
  PacketBuffer<2048> buffer;
  const auto bytes = syn_with_ecn(buffer, ip("192.0.2.1"), ip("198.51.100.2"));
  ASSERT_TRUE(bytes);
  EXPECT_THAT(*bytes, ElementsAreArray(hex("000000000000 000000000000 0800"
                                           "45 02 0030 0000 0000 40 06 8e8f c0000201 c6336402"
                                           "9c40 0050 00000000 00000000 70 02 ffff fb58 0000"
                                           "0204 05b4 0402 0000")));
}

TEST(PacketBuilder, AKnownIcmpEcho) {
  // ping 192.168.1.1 as Linux sends it, without its data.
  PacketBuffer<128> p;
  const auto bytes = p.ip4({.source = ip("192.168.1.2"),
                            .destination = ip("192.168.1.1"),
                            .identification = 0x1234,
                            .dont_fragment = true})
                         .icmp4({.type = icmp4_type::echo_request, .rest_of_header = icmp_echo(0x0102, 1)})
                         .finish();
  EXPECT_THAT(*bytes,
              ElementsAreArray(hex("4500 001c 1234 4000 4001 a559 c0a8 0102 c0a8 0101 0800 f6fc 0102 0001")));
}

TEST(PacketBuilder, TagsAndLabels) {
  PacketBuffer<256> p;
  const auto bytes = p.ethernet({.destination = mac(1), .source = mac(2)})
                         .vlan({.id = 100, .priority = 5, .drop_eligible = true, .tag_protocol = 0x88a8})
                         .vlan({.id = 200})
                         .mpls({.label = 0xabcde, .traffic_class = 3, .ttl = 9})
                         .mpls({.label = 17})
                         .ip6({.source = ip("::1"), .destination = ip("::2")})
                         .finish();
  EXPECT_THAT(bytes->first(30), ElementsAreArray(hex("020000000001 020000000002 88a8 b064 8100 00c8 8847"
                                                     "abcde609 00011140")));
  EXPECT_EQ((*bytes)[30 + 6], static_cast<std::uint8_t>(IpProtocol::no_next_header));
  EXPECT_EQ(load_be16(bytes->data() + 34), 0);
}

TEST(PacketBuilder, ArpRequestOfRfc826) {
  PacketBuffer<64> p;
  const auto bytes =
      p.ethernet({.destination = MacAddress{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, .source = mac(1)})
          .arp(
              {.sender_hardware = mac(1), .sender_address = ip("10.0.0.1"), .target_address = ip("10.0.0.2")})
          .pad_to(60)
          .finish();
  ASSERT_EQ(bytes->size(), 60u);
  EXPECT_THAT(bytes->first(42), ElementsAreArray(hex("ffffffffffff 020000000001 0806 0001 0800 06 04 0001"
                                                     "020000000001 0a000001 000000000000 0a000002")));
}

TEST(PacketBuilder, LinkHeaders) {
  PacketBuffer<256> p;
  const Ip4Fields v4{.source = ip("10.0.0.1"), .destination = ip("10.0.0.2")};
  const Ip6Fields v6{.source = ip("::1"), .destination = ip("::2")};
  EXPECT_THAT(p.clear().ppp().ip4(v4).finish()->first(4), ElementsAreArray(hex("ff03 0021")));
  EXPECT_THAT(p.clear().ppp({.with_address_and_control = false}).ip6(v6).finish()->first(2),
              ElementsAreArray(hex("0057")));
  EXPECT_THAT(p.clear().null_link().ip4(v4).finish()->first(4), ElementsAreArray(hex("02000000")));
  EXPECT_THAT(p.clear().null_link().ip6(v6).finish()->first(4), ElementsAreArray(hex("1e000000")));
  EXPECT_THAT(p.clear().loop_link().ip6(v6).finish()->first(4), ElementsAreArray(hex("00000018")));
  EXPECT_THAT(p.clear().loop_link(7).ip6(v6).finish()->first(4), ElementsAreArray(hex("00000007")));
  EXPECT_THAT(p.clear().linux_cooked({.packet_type = 4, .address = mac(3)}).ip4(v4).finish()->first(16),
              ElementsAreArray(hex("0004 0001 0006 020000000003 0000 0800")));
  EXPECT_THAT(p.clear().linux_cooked_v2({.packet_type = 4, .address = mac(3)}).ip6(v6).finish()->first(20),
              ElementsAreArray(hex("86dd 0000 00000001 0001 04 06 020000000003 0000")));
}

TEST(PacketBuilder, Ipv4OptionsArePadded) {
  PacketBuffer<256> p;
  const auto bytes =
      p.ip4({}, {ip4_option::router_alert(), ip4_option::record_route(1)}).payload("x").finish();
  ASSERT_TRUE(bytes);
  EXPECT_EQ((*bytes)[0], 0x48);
  EXPECT_THAT(bytes->subspan(20, 12), ElementsAreArray(hex("94040000 07070400000000 00")));
  EXPECT_EQ(load_be16(bytes->data() + 2), 33);
  EXPECT_EQ((*bytes)[9], 253);
}

TEST(PacketBuilder, Ipv6ExtensionHeadersChain) {
  PacketBuffer<512> p;
  const IpAddress hop = ip("2001:db8::a");
  const auto bytes = p.ip6({.source = ip("2001:db8::1"),
                            .destination = ip("2001:db8::2"),
                            .dscp = 46,
                            .ecn = Ecn::ce,
                            .flow_label = 0xabcde})
                         .hop_by_hop({ip6_option::router_alert()})
                         .destination_options()
                         .routing({.type = 2, .segments_left = 1, .addresses = {&hop, 1}})
                         .ip6_fragment({.identification = 7, .offset = 16, .more_fragments = true})
                         .udp({.source_port = 1, .destination_port = 2})
                         .finish();
  ASSERT_TRUE(bytes);
  EXPECT_THAT(bytes->first(8), ElementsAreArray(hex("6bbabcde 0038 00 40")));
  EXPECT_THAT(bytes->subspan(40, 8), ElementsAreArray(hex("3c00 05020000 0100")));
  EXPECT_THAT(bytes->subspan(48, 8), ElementsAreArray(hex("2b00 010400000000")));
  EXPECT_THAT(bytes->subspan(56, 8), ElementsAreArray(hex("2c02 0201 00000000")));
  EXPECT_THAT(bytes->subspan(80, 8), ElementsAreArray(hex("1100 0011 00000007")));
}

TEST(PacketBuilder, TcpOptionsAreWrittenInOrder) {
  PacketBuffer<256> p;
  const std::uint8_t cookie[] = {1, 2, 3, 4, 5, 6, 7, 8};
  const auto bytes =
      p.tcp({}, {tcp_option::mss(1460), tcp_option::sack_permitted(), tcp_option::timestamps(1, 2),
                 tcp_option::nop(), tcp_option::window_scale(7), tcp_option::fast_open(cookie)})
          .finish();
  ASSERT_TRUE(bytes);
  EXPECT_THAT(bytes->subspan(20), ElementsAreArray(hex("020405b4 0402 080a0000000100000002 01 030307"
                                                       "220a0102030405060708 0000")));
  EXPECT_EQ((*bytes)[12], 0xd0);
  EXPECT_THAT(tcp_option::sack({{1, 2}, {3, 4}}).bytes(),
              ElementsAreArray(hex("0512 00000001 00000002 00000003 00000004")));
  EXPECT_THAT(tcp_option::any(253, 0, {}).bytes(), ElementsAreArray(hex("fd00")));
}

TEST(PacketBuilder, WhatIsStatedStays) {
  PacketBuffer<256> p;
  const auto bytes =
      p.ethernet({.type = 0x1234})
          .ip4({.version = 7, .header_words = 3, .total_length = 9, .protocol = 99, .checksum = 0xbeef})
          .tcp({.header_words = 1, .checksum = 0xdead})
          .finish();
  EXPECT_EQ(load_be16(bytes->data() + 12), 0x1234);
  EXPECT_EQ((*bytes)[14], 0x73);
  EXPECT_EQ(load_be16(bytes->data() + 16), 9);
  EXPECT_EQ((*bytes)[23], 99);
  EXPECT_EQ(load_be16(bytes->data() + 24), 0xbeef);
  EXPECT_EQ((*bytes)[34 + 12], 0x10);
  EXPECT_EQ(load_be16(bytes->data() + 34 + 16), 0xdead);
}

TEST(PacketBuilder, PaddingIsOutsideTheDatagram) {
  PacketBuffer<256> p;
  const auto bytes = p.ethernet().ip4({}).udp({.source_port = 9}).payload("hi").pad_to(60).finish();
  ASSERT_EQ(bytes->size(), 60u);
  const Packet packet = dissect(*bytes);
  EXPECT_EQ(packet.ip_length(), 30u);
  EXPECT_EQ(as_text(packet.payload()), "hi");
  EXPECT_EQ(verify_transport_checksum(packet), ChecksumState::good);
  EXPECT_EQ(p.payload("more").finish().error(), BuildError::after_padding);
}

TEST(PacketBuilder, TunnelsAreSummedUpFromTheInside) {
  PacketBuffer<512> p;
  const auto bytes = p.ip4({.source = ip("10.0.0.1"), .destination = ip("10.0.0.2")})
                         .udp({.source_port = 1000, .destination_port = 4789})
                         .vxlan({.network_identifier = 42})
                         .ethernet()
                         .ip6({.source = ip("::1"), .destination = ip("::2")})
                         .gre({.with_checksum = true, .key = 5, .sequence = 6})
                         .ip4({.source = ip("10.1.0.1"), .destination = ip("10.1.0.2")})
                         .tcp({.source_port = 7, .destination_port = 8})
                         .payload("deep")
                         .finish();
  ASSERT_TRUE(bytes);
  const Packet outer = dissect(*bytes, LinkType::raw_ip);
  EXPECT_EQ(verify_transport_checksum(outer), ChecksumState::good);
  const auto middle = outer.inner();
  ASSERT_TRUE(middle);
  EXPECT_EQ(middle->ip_version(), IpVersion::v6);
  EXPECT_EQ(internet_checksum(middle->payload()), 0);  // GRE's own
  const auto inner = middle->inner();
  ASSERT_TRUE(inner);
  EXPECT_EQ(as_text(inner->payload()), "deep");
  EXPECT_EQ(verify_transport_checksum(*inner), ChecksumState::good);
  EXPECT_EQ(verify_network_checksum(*inner), ChecksumState::good);
}

TEST(PacketBuilder, SctpChunksArePadded) {
  PacketBuffer<128> p;
  const std::uint8_t value[] = {1, 2, 3, 4, 5};
  const auto bytes = p.sctp({.source_port = 1, .destination_port = 2, .verification_tag = 3, .checksum = 0})
                         .sctp_chunk(1, 0, value)
                         .finish();
  EXPECT_THAT(bytes->subspan(12), ElementsAreArray(hex("01000009 0102030405 000000")));
}

TEST(PacketBuilder, QuotesNoMoreThanTheRfcsAllow) {
  PacketBuffer<3000> quoted;
  const Bytes original = *quoted.ip4({}).udp({}).fill(2000).finish();
  PacketBuffer<3000> p;
  EXPECT_EQ(p.ip4({}).icmp4({.type = 3, .code = 3}).quote(original).finish()->size(), 576u);
  EXPECT_EQ(p.clear().ip6({}).icmp6({.type = 1, .code = 4}).quote(original).finish()->size(), 1280u);
  EXPECT_EQ(p.clear().ip4({}).icmp4({.type = 3}).quote(original.first(28)).finish()->size(), 56u);
}

TEST(PacketBuilder, OverflowIsAValue) {
  PacketBuffer<60> p;
  EXPECT_TRUE(p.ethernet().ip4({}).tcp({}).fill(6).finish());
  EXPECT_EQ(p.fill(1).finish().error(), BuildError::overflow);
  EXPECT_EQ(p.payload("later calls change nothing").finish().error(), BuildError::overflow);
  EXPECT_TRUE(p.clear().ethernet().finish());
  EXPECT_EQ(PacketBuilder({}).ethernet().finish().error(), BuildError::overflow);
  EXPECT_TRUE(PacketBuilder({}).finish()->empty());
}

TEST(PacketBuilder, TooManyLayersAndTooManyOptionsAreValues) {
  PacketBuffer<4096> p;
  for (std::size_t i = 0; i <= PacketBuilder::max_layers; ++i) p.mpls({});
  EXPECT_EQ(p.finish().error(), BuildError::too_many_layers);
  const OptionBytes long_option = tcp_option::any(99, std::vector<std::uint8_t>(30, 1));
  EXPECT_EQ(p.clear().tcp({}, {long_option, long_option}).finish().error(), BuildError::bad_options);
  EXPECT_EQ(p.clear().tcp({}, {tcp_option::any(99, std::vector<std::uint8_t>(39, 1))}).finish().error(),
            BuildError::bad_options);
  EXPECT_EQ(p.clear().ip4({}, {long_option, long_option}).finish().error(), BuildError::bad_options);
}

TEST(PacketBuilder, ALengthThatDoesNotFitIsAValue) {
  auto room = std::make_unique<PacketBuffer<70000>>();
  EXPECT_EQ(room->ip4({}).fill(65516).finish().error(), BuildError::too_long);
  EXPECT_TRUE(room->clear().ip4({}).fill(65515).finish());
  EXPECT_TRUE(room->clear().ip4({.total_length = 0}).fill(66000).finish());
  EXPECT_EQ(room->clear().ip6({}).fill(65536).finish().error(), BuildError::too_long);
  EXPECT_STREQ(describe(BuildError::too_long), "the packet is too long for a length field");
}

TEST(PacketBuilder, FinishMayBeCalledAgain) {
  PacketBuffer<256> p;
  const auto first = p.ip4({}).udp({}).payload("abc").finish();
  const std::vector<std::uint8_t> kept(first->begin(), first->end());
  EXPECT_THAT(*p.finish(), ElementsAreArray(kept));
  const Packet longer = dissect(*p.payload("def").finish(), LinkType::raw_ip);
  EXPECT_EQ(as_text(longer.payload()), "abcdef");
  EXPECT_EQ(verify_transport_checksum(longer), ChecksumState::good);
}

}  // namespace
}  // namespace spiderling
