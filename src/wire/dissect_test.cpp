// The link and network layers; transports and what is inside them: dissect_inside_test.cpp.
#include "wire/dissect.h"

#include <gtest/gtest.h>

#include <random>

#include "spiderling/builder.h"
#include "wire/testing.h"
#include "wire/testing_packets.h"
#include "wire/testing_touch.h"

namespace spiderling {
namespace {

using testing::as_text;
using testing::dissect;
using testing::ExactCopy;
using testing::hex;
using testing::sample_packets;
using testing::SamplePacket;

const Ip4Fields v4{.source = *IpAddress::parse("192.0.2.1"),
                   .destination = *IpAddress::parse("198.51.100.7")};
const Ip6Fields v6{.source = *IpAddress::parse("2001:db8::1"),
                   .destination = *IpAddress::parse("2001:db8::2")};
const UdpFields udp{.source_port = 1111, .destination_port = 2222};

// Both IP versions behind a link header give the same things.
void expect_both(LinkType link_type, PacketBuilder& (*link)(PacketBuilder&)) {
  PacketBuffer<256> p;
  link(p.clear()).ip4(v4).udp(udp).payload("four");
  const Packet four = dissect(*p.finish(), link_type);
  EXPECT_EQ(four.ip_version(), IpVersion::v4);
  EXPECT_EQ(four.source(), v4.source);
  EXPECT_EQ(four.destination_port(), 2222);
  EXPECT_EQ(as_text(four.payload()), "four");
  EXPECT_EQ(four.defect(), Defect::none);
  EXPECT_EQ(four.link_type(), link_type);
  EXPECT_EQ(four.ethernet().has_value(), link_type == LinkType::ethernet);
  link(p.clear()).ip6(v6).udp(udp).payload("six");
  const Packet six = dissect(*p.finish(), link_type);
  EXPECT_EQ(six.ip_version(), IpVersion::v6);
  EXPECT_EQ(six.destination(), v6.destination);
  EXPECT_EQ(six.source_port(), 1111);
  EXPECT_EQ(as_text(six.payload()), "six");
  EXPECT_EQ(six.ether_type(), 0x86dd);
}

TEST(DissectLink, Ethernet) {
  expect_both(LinkType::ethernet, [](PacketBuilder& p) -> PacketBuilder& { return p.ethernet(); });
}
TEST(DissectLink, LinuxCooked) {
  expect_both(LinkType::linux_cooked, [](PacketBuilder& p) -> PacketBuilder& { return p.linux_cooked(); });
}
TEST(DissectLink, LinuxCookedV2) {
  expect_both(LinkType::linux_cooked_v2,
              [](PacketBuilder& p) -> PacketBuilder& { return p.linux_cooked_v2(); });
}
TEST(DissectLink, NullAndLoop) {
  expect_both(LinkType::null, [](PacketBuilder& p) -> PacketBuilder& { return p.null_link(); });
  expect_both(LinkType::loop, [](PacketBuilder& p) -> PacketBuilder& { return p.loop_link(); });
}
TEST(DissectLink, Ppp) {
  for (const LinkType type : {LinkType::ppp, LinkType::ppp_hdlc}) {
    expect_both(type, [](PacketBuilder& p) -> PacketBuilder& { return p.ppp(); });
    expect_both(
        type, [](PacketBuilder& p) -> PacketBuilder& { return p.ppp({.with_address_and_control = false}); });
  }
}
TEST(DissectLink, Raw) {
  for (const LinkType type : {LinkType::raw_ip, LinkType::raw_bsd, LinkType::raw_openbsd}) {
    expect_both(type, [](PacketBuilder& p) -> PacketBuilder& { return p; });
  }
}

TEST(DissectLink, NullWithAnyFamilyOfIpv6InEitherByteOrder) {
  for (const std::uint32_t family : {24u, 28u, 30u}) {
    for (const bool swapped : {false, true}) {
      PacketBuffer<256> p;
      p.null_link(swapped ? __builtin_bswap32(family) : family).ip6(v6).udp(udp);
      EXPECT_TRUE(dissect(*p.finish(), LinkType::null).udp()) << family;
    }
  }
  EXPECT_EQ(dissect(hex("12345678 45"), LinkType::null).defect(), Defect::bad_link);
}

TEST(DissectLink, VlanTags) {
  PacketBuffer<256> p;
  p.ethernet().vlan({.id = 100, .priority = 3, .tag_protocol = 0x88a8}).vlan({.id = 200}).ip4(v4).udp(udp);
  const Packet packet = dissect(*p.finish());
  EXPECT_EQ(packet.vlan_count(), 2);
  EXPECT_EQ(packet.vlan()->id(), 100);
  EXPECT_EQ(packet.vlan()->priority(), 3);
  EXPECT_EQ(packet.ether_type(), 0x0800);
  EXPECT_TRUE(packet.udp());
  EXPECT_FALSE(dissect(*p.clear().ethernet().ip4(v4).finish()).vlan());
}

TEST(DissectLink, TooManyVlanTagsAreADefect) {
  PacketBuffer<256> p;
  p.ethernet();
  for (int i = 0; i < 20; ++i) p.vlan({.id = 1});
  const Packet packet = dissect(*p.ip4(v4).udp(udp).finish());
  EXPECT_EQ(packet.defect(), Defect::bad_link);
  EXPECT_FALSE(packet.is_ip());
}

TEST(DissectLink, MplsLabels) {
  PacketBuffer<256> p;
  p.ethernet().mpls({.label = 16}).mpls({.label = 17}).ip6(v6).udp(udp).payload("x");
  const Packet packet = dissect(*p.finish());
  EXPECT_EQ(packet.mpls_label_count(), 2);
  EXPECT_EQ(packet.ether_type(), 0x86dd);
  EXPECT_EQ(as_text(packet.payload()), "x");
}

TEST(DissectLink, MplsWithoutABottomIsADefect) {
  PacketBuffer<256> p;
  p.ethernet();
  for (int i = 0; i < 20; ++i) p.mpls({.bottom_of_stack = false});
  EXPECT_EQ(dissect(*p.fill(4).finish()).defect(), Defect::bad_link);
}

TEST(DissectLink, Arp) {
  PacketBuffer<256> p;
  p.ethernet().vlan({.id = 3}).arp(
      {.operation = 2, .sender_address = v4.source, .target_address = v4.destination});
  const Packet packet = dissect(*p.pad_to(64).finish());
  ASSERT_TRUE(packet.arp());
  EXPECT_EQ(packet.arp()->operation(), 2);
  EXPECT_EQ(packet.arp()->target_address(), v4.destination);
  EXPECT_FALSE(packet.is_ip());
  EXPECT_FALSE(packet.udp());
  EXPECT_EQ(packet.source(), IpAddress{});
  EXPECT_EQ(packet.defect(), Defect::none);
}

TEST(DissectLink, LlcWithSnapAndWithout) {
  PacketBuffer<256> inside;
  const Bytes ip = *inside.ip4(v4).udp(udp).payload("snap").finish();
  PacketBuffer<256> p;
  p.ethernet({.type = 40}).payload(hex("aaaa03 000000 0800")).payload(ip);
  EXPECT_EQ(as_text(dissect(*p.finish()).payload()), "snap");
  const Packet stp = dissect(*p.clear().ethernet({.type = 38}).payload(hex("424203 0000000000")).finish());
  EXPECT_FALSE(stp.is_ip());
  EXPECT_EQ(stp.defect(), Defect::none);
}

TEST(DissectNetwork, PaddingIsNoPayload) {
  for (const bool six : {false, true}) {
    PacketBuffer<256> p;
    six ? p.ethernet().ip6(v6) : p.ethernet().ip4(v4);
    const Packet packet = dissect(*p.tcp({.source_port = 1, .flags = tcp_flag::ack}).pad_to(90).finish());
    EXPECT_EQ(packet.payload().size(), 0u);
    EXPECT_EQ(packet.payload_length(), 0u);
    EXPECT_EQ(packet.data().size(), 90u);
    EXPECT_EQ(packet.transport().bytes.size(), 20u);
  }
}

TEST(DissectNetwork, TotalLengthZeroIsTakenFromTheWire) {
  PacketBuffer<4096> p;
  Ip4Fields large = v4;
  large.total_length = 0;
  const Bytes bytes = *p.ethernet().ip4(large).tcp({.source_port = 1}).fill(3000).finish();
  const Packet packet = dissect(bytes);
  EXPECT_EQ(packet.ip_length(), 3040u);
  EXPECT_EQ(packet.payload_length(), 3000u);
  EXPECT_EQ(packet.ip4()->total_length(), 0);
  EXPECT_EQ(packet.defect(), Defect::none);
  const Packet cut = dissect(bytes.first(100), LinkType::ethernet, 3054);
  EXPECT_EQ(cut.payload_length(), 3000u);
  EXPECT_EQ(cut.payload().size(), 100u - 54u);
}

TEST(DissectNetwork, ACutCaptureKnowsHowLongThePacketWas) {
  PacketBuffer<2048> p;
  const Bytes bytes = *p.ethernet().ip4(v4).udp(udp).fill(1000).finish();
  const Packet packet =
      dissect(bytes.first(64), LinkType::ethernet, static_cast<std::uint32_t>(bytes.size()));
  EXPECT_EQ(packet.payload_length(), 1000u);
  EXPECT_EQ(packet.payload().size(), 64u - 42u);
  EXPECT_EQ(packet.wire_length(), 1042u);
  EXPECT_EQ(packet.defect(), Defect::none);
}

TEST(DissectNetwork, AWireLengthBelowTheCaptureIsNotBelieved) {
  PacketBuffer<256> p;
  const Bytes bytes = *p.ip4(v4).udp(udp).finish();
  EXPECT_EQ(dissect(bytes, LinkType::raw_ip, 3).wire_length(), bytes.size());
}

TEST(DissectNetwork, ImpossibleHeadersAreDefects) {
  PacketBuffer<256> p;
  Ip4Fields fields = v4;
  fields.total_length = 19;
  EXPECT_EQ(dissect(*p.ip4(fields).udp(udp).finish(), LinkType::raw_ip).defect(), Defect::bad_network);
  fields.total_length = 500;
  EXPECT_EQ(dissect(*p.clear().ip4(fields).udp(udp).finish(), LinkType::raw_ip).defect(),
            Defect::bad_network);
  fields = v4;
  fields.header_words = 4;
  EXPECT_EQ(dissect(*p.clear().ip4(fields).udp(udp).finish(), LinkType::raw_ip).defect(),
            Defect::bad_network);
  fields = v4;
  fields.version = 5;
  EXPECT_EQ(dissect(*p.clear().ethernet().ip4(fields).udp(udp).finish()).defect(), Defect::bad_network);
  EXPECT_EQ(dissect(*p.clear().ip4(fields).finish(), LinkType::raw_ip).defect(), Defect::bad_network);
  fields = v4;
  p.clear().ip4(fields, {ip4_option::any(7, hex("00")), OptionBytes{7, 0}}).udp(udp);
  EXPECT_EQ(dissect(*p.finish(), LinkType::raw_ip).defect(), Defect::bad_option);
}

TEST(DissectNetwork, Ipv6ExtensionHeaders) {
  PacketBuffer<512> p;
  const IpAddress hops[] = {v6.source, v6.destination};
  p.ip6(v6)
      .hop_by_hop()
      .routing({.addresses = hops})
      .destination_options({ip6_option::padn(20)})
      .tcp({.source_port = 9});
  const Packet packet = dissect(*p.payload("tail").finish(), LinkType::raw_ip);
  EXPECT_EQ(packet.protocol(), 6);
  EXPECT_EQ(packet.tcp()->source_port(), 9);
  EXPECT_EQ(as_text(packet.payload()), "tail");
  EXPECT_FALSE(packet.is_fragment());
}

TEST(DissectNetwork, EndlessExtensionHeadersAreADefect) {
  PacketBuffer<512> p;
  p.ip6(v6);
  for (int i = 0; i < 20; ++i) p.hop_by_hop();
  const Packet packet = dissect(*p.udp(udp).finish(), LinkType::raw_ip);
  EXPECT_EQ(packet.defect(), Defect::bad_network);
  EXPECT_FALSE(packet.udp());
  EXPECT_TRUE(packet.is_ip());
}

TEST(DissectNetwork, AnExtensionHeaderLongerThanThePacketIsADefect) {
  PacketBuffer<512> p;
  const Bytes bytes = *p.ip6(v6).routing({.header_length = 200}).udp(udp).finish();
  const Packet packet = dissect(bytes, LinkType::raw_ip);
  EXPECT_EQ(packet.defect(), Defect::bad_network);
  EXPECT_FALSE(packet.has_ports());
}

TEST(DissectNetwork, Ipv4Fragments) {
  PacketBuffer<512> p;
  Ip4Fields fields = v4;
  fields.identification = 0x4242;
  fields.more_fragments = true;
  const Packet first =
      dissect(*p.ip4(fields).udp({.source_port = 5, .destination_port = 53, .length = 99}).fill(24).finish(),
              LinkType::raw_ip);
  EXPECT_TRUE(first.is_fragment());
  EXPECT_FALSE(first.is_later_fragment());
  EXPECT_EQ(first.fragment()->identification, 0x4242u);
  EXPECT_TRUE(first.fragment()->more_fragments);
  EXPECT_EQ(first.source_port(), 5);
  EXPECT_EQ(first.payload().size(), 24u);
  EXPECT_EQ(first.defect(), Defect::none);

  fields.more_fragments = false;
  fields.fragment_offset = 32;
  fields.protocol = 17;
  const Packet later = dissect(*p.clear().ip4(fields).fill(24, 0xaa).finish(), LinkType::raw_ip);
  EXPECT_TRUE(later.is_later_fragment());
  EXPECT_EQ(later.fragment()->offset, 32);
  EXPECT_FALSE(later.fragment()->more_fragments);
  EXPECT_EQ(later.protocol(), 17);
  EXPECT_FALSE(later.has_ports());
  EXPECT_FALSE(later.udp());
  EXPECT_FALSE(later.dns());
  EXPECT_EQ(later.payload().size(), 24u);
}

TEST(DissectNetwork, Ipv6Fragments) {
  PacketBuffer<512> p;
  p.ip6(v6).hop_by_hop().ip6_fragment(
      {.identification = 0xdeadbeef, .offset = 64, .more_fragments = true, .next_header = 6});
  const Packet later = dissect(*p.fill(16).finish(), LinkType::raw_ip);
  EXPECT_TRUE(later.is_later_fragment());
  EXPECT_EQ(later.fragment()->identification, 0xdeadbeefu);
  EXPECT_EQ(later.fragment()->offset, 64);
  EXPECT_EQ(later.protocol(), 6);
  EXPECT_FALSE(later.tcp());
  const Packet atomic =
      dissect(*p.clear().ip6(v6).ip6_fragment({.identification = 1}).udp(udp).finish(), LinkType::raw_ip);
  EXPECT_FALSE(atomic.is_fragment());
  EXPECT_TRUE(atomic.udp());
}

class EverySample : public ::testing::TestWithParam<SamplePacket> {};

TEST_P(EverySample, IsWhole) {
  const Packet packet = dissect(GetParam().bytes, GetParam().link_type);
  EXPECT_EQ(packet.defect(), Defect::none);
  testing::touch(packet);
}

// No prefix makes the dissector read outside (AddressSanitizer watches), nor find something that is not
// there.
TEST_P(EverySample, CutAnywhere) {
  const Bytes whole = GetParam().bytes;
  const auto wire_length = static_cast<std::uint32_t>(whole.size());
  const Packet packet = dissect(whole, GetParam().link_type);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const ExactCopy copy(whole.first(size));
    const Packet cut = dissect(copy.bytes(), GetParam().link_type, wire_length);
    testing::touch(cut);
    testing::touch(dissect(copy.bytes(), GetParam().link_type));  // short on the wire as well
    EXPECT_LE(cut.payload().size(), packet.payload().size());
    if (cut.is_ip()) {
      EXPECT_EQ(cut.source(), packet.source());
      EXPECT_EQ(cut.ip_length(), packet.ip_length());
    }
    if (cut.has_ports()) {
      EXPECT_EQ(cut.destination_port(), packet.destination_port());
    }
    if (!cut.payload().empty()) {
      EXPECT_EQ(cut.payload_length(), packet.payload_length());
    }
    EXPECT_TRUE(cut.defect() == Defect::none || cut.defect() == Defect::cut_link ||
                cut.defect() == Defect::cut_network || cut.defect() == Defect::cut_transport)
        << size << ": " << static_cast<int>(cut.defect());
  }
}

TEST_P(EverySample, AnyByteChanged) {
  std::mt19937 random(1);
  for (std::size_t i = 0; i < GetParam().bytes.size(); ++i) {
    for (int round = 0; round < 24; ++round) {
      auto changed = GetParam().bytes;
      changed[i] =
          static_cast<std::uint8_t>(round < 8 ? changed[i] ^ 1 << round : static_cast<int>(random()));
      const ExactCopy copy{Bytes(changed)};
      testing::touch(dissect(copy.bytes(), GetParam().link_type));
    }
  }
}

TEST_P(EverySample, OwnedIsTheSame) {
  const Packet packet = dissect(GetParam().bytes, GetParam().link_type);
  OwnedPacket owned = packet.own();
  const OwnedPacket moved = std::move(owned);
  EXPECT_NE(moved->data().data(), packet.data().data());
  EXPECT_TRUE(
      std::equal(moved->data().begin(), moved->data().end(), packet.data().begin(), packet.data().end()));
  EXPECT_EQ(moved->payload().size(), packet.payload().size());
  EXPECT_EQ(testing::touch(*moved), testing::touch(packet));
}

INSTANTIATE_TEST_SUITE_P(Dissect, EverySample, ::testing::ValuesIn(sample_packets()),
                         [](const auto& sample) { return sample.param.name; });

TEST(Dissect, RandomBytesOfEveryLinkType) {
  std::mt19937 random(5);
  const LinkType types[] = {LinkType::null,         LinkType::ethernet,        LinkType::ppp,
                            LinkType::ppp_hdlc,     LinkType::raw_ip,          LinkType::loop,
                            LinkType::linux_cooked, LinkType::linux_cooked_v2, LinkType::ipv4};
  for (int round = 0; round < 100000; ++round) {
    std::vector<std::uint8_t> bytes(random() % 120);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    testing::touch(
        dissect(bytes, types[random() % std::size(types)], static_cast<std::uint32_t>(random() % 200)));
  }
}

TEST(Dissect, ADefaultPacketIsEmptyAndSafe) { testing::touch(Packet{}); }

}  // namespace
}  // namespace spiderling
