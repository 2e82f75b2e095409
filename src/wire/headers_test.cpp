// The views of include/spiderling/headers, on byte literals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spiderling/packet.h"
#include "wire/testing.h"

namespace spiderling {
namespace {

using ::testing::ElementsAre;
using testing::hex;

TEST(Timestamp, InSecondsIsTheNearestDouble) {
  const auto seconds = [](std::int64_t ns) { return to_seconds(Timestamp(std::chrono::nanoseconds(ns))); };
  EXPECT_EQ(seconds(1'600'000'000'322'000'000), 1600000000.322);
  EXPECT_EQ(seconds(1'795'705'389'134'780'760), 1795705389.13478076);
  EXPECT_EQ(seconds(-1'500'000'000), -1.5);
  EXPECT_EQ(seconds(0), 0.0);
}

TEST(EthernetHeader, Fields) {
  const auto bytes = hex("ffffffffffff 001122aabbcc 86dd");
  const auto header = EthernetHeader::at(bytes);
  EXPECT_EQ(header->destination().to_string(), "ff:ff:ff:ff:ff:ff");
  EXPECT_EQ(header->source().to_string(), "00:11:22:aa:bb:cc");
  EXPECT_EQ(header->type(), 0x86dd);
  EXPECT_FALSE(EthernetHeader::at(Bytes(bytes).first(13)));
}

TEST(VlanTag, Fields) {
  EXPECT_EQ(VlanTag{0xb064}.id(), 100);
  EXPECT_EQ(VlanTag{0xb064}.priority(), 5);
}

TEST(ArpHeader, Fields) {
  auto bytes = hex("0001 0800 06 04 0002 020000000001 0a000001 020000000002 0a000002");
  const auto header = ArpHeader::at(bytes);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->operation(), 2);
  EXPECT_EQ(header->sender_hardware().to_string(), "02:00:00:00:00:01");
  EXPECT_EQ(header->sender_address().to_string(), "10.0.0.1");
  EXPECT_EQ(header->target_hardware().to_string(), "02:00:00:00:00:02");
  EXPECT_EQ(header->target_address().to_string(), "10.0.0.2");
  EXPECT_FALSE(ArpHeader::at(Bytes(bytes).first(27)));
  bytes[4] = 8;  // another hardware
  EXPECT_FALSE(ArpHeader::at(bytes));
}

TEST(Ipv4Header, Fields) {
  const auto bytes = hex("46 bb 0030 1234 e001 40 11 abcd c0000201 c6336402 94040000");
  const auto header = Ipv4Header::at(bytes);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->header_length(), 24u);
  EXPECT_EQ(header->traffic_class(), 0xbb);
  EXPECT_EQ(header->dscp(), 46);
  EXPECT_EQ(header->ecn(), Ecn::ce);
  EXPECT_EQ(header->total_length(), 48);
  EXPECT_EQ(header->identification(), 0x1234);
  EXPECT_TRUE(header->reserved_flag());
  EXPECT_TRUE(header->dont_fragment());
  EXPECT_TRUE(header->more_fragments());
  EXPECT_EQ(header->fragment_offset(), 8);
  EXPECT_TRUE(header->is_fragment());
  EXPECT_EQ(header->ttl(), 64);
  EXPECT_EQ(header->protocol(), 17);
  EXPECT_EQ(header->checksum(), 0xabcd);
  EXPECT_EQ(header->source().to_string(), "192.0.2.1");
  EXPECT_EQ(header->destination().to_string(), "198.51.100.2");
  EXPECT_THAT(header->options(), ElementsAre(0x94, 4, 0, 0));
  EXPECT_EQ(header->bytes().size(), 24u);
}

TEST(Ipv4Header, TheLargestFragmentOffset) {
  const auto bytes = hex("4500 0014 0000 1fff 4011 0000 00000000 00000000");
  EXPECT_EQ(Ipv4Header::at(bytes)->fragment_offset(), 65528);
}

TEST(Ipv4Header, RefusesWhatIsNone) {
  auto bytes = hex("45000014 00000000 40110000 00000000 00000000");
  EXPECT_TRUE(Ipv4Header::at(bytes));
  EXPECT_FALSE(Ipv4Header::at(Bytes(bytes).first(19)));
  for (const std::uint8_t first :
       {std::uint8_t{0x44}, std::uint8_t{0x46}, std::uint8_t{0x65}, std::uint8_t{0x40}}) {
    bytes[0] = first;  // header too short, cut, version 6, header length zero
    EXPECT_FALSE(Ipv4Header::at(bytes));
  }
}

TEST(Ipv6Header, Fields) {
  auto bytes = hex("6bbabcde 0038 2c 40 20010db8000000000000000000000001 20010db8000000000000000000000002");
  const auto header = Ipv6Header::at(bytes);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->traffic_class(), 0xbb);
  EXPECT_EQ(header->dscp(), 46);
  EXPECT_EQ(header->ecn(), Ecn::ce);
  EXPECT_EQ(header->flow_label(), 0xabcdeu);
  EXPECT_EQ(header->payload_length(), 56);
  EXPECT_EQ(header->next_header(), 44);
  EXPECT_EQ(header->hop_limit(), 64);
  EXPECT_EQ(header->source().to_string(), "2001:db8::1");
  EXPECT_EQ(header->destination().to_string(), "2001:db8::2");
  EXPECT_FALSE(Ipv6Header::at(Bytes(bytes).first(39)));
  bytes[0] = 0x4b;
  EXPECT_FALSE(Ipv6Header::at(bytes));
}

TEST(TcpHeader, Fields) {
  const auto bytes = hex("9c40 0050 00000001 80000002 61 d2 7210 abcd 0009 02040218");
  const auto header = TcpHeader::at(bytes);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->source_port(), 40000);
  EXPECT_EQ(header->destination_port(), 80);
  EXPECT_EQ(header->sequence(), 1u);
  EXPECT_EQ(header->acknowledgement(), 0x80000002u);
  EXPECT_EQ(header->header_length(), 24u);
  EXPECT_EQ(header->reserved(), 1);
  EXPECT_EQ(header->flags(), 0xd2);
  EXPECT_TRUE(header->has(tcp_flag::syn | tcp_flag::ece));
  EXPECT_FALSE(header->has(tcp_flag::syn | tcp_flag::fin));
  EXPECT_EQ(header->window(), 0x7210);
  EXPECT_EQ(header->checksum(), 0xabcd);
  EXPECT_EQ(header->urgent_pointer(), 9);
  EXPECT_THAT(header->options().find(TcpOptionKind::maximum_segment_size)->data, ElementsAre(2, 0x18));
  EXPECT_FALSE(TcpHeader::at(Bytes(bytes).first(19)));
}

std::vector<int> kinds_of(std::string_view text) {
  const auto bytes = hex(text);
  const testing::ExactCopy copy{Bytes(bytes)};
  std::vector<int> kinds;
  for (const TcpOption& option : TcpOptions(copy.bytes())) kinds.push_back(option.kind);
  return kinds;
}

bool well_formed(std::string_view text) { return TcpOptions(hex(text)).well_formed(); }

TEST(TcpOptions, OfALinuxSyn) {
  const char* const options = "020405b4 0402 080a 0000000100000000 01 030307";
  EXPECT_THAT(kinds_of(options), ElementsAre(2, 4, 8, 3));
  EXPECT_TRUE(well_formed(options));
  const auto bytes = hex(options);
  const auto timestamps = TcpOptions(bytes).find(TcpOptionKind::timestamps);
  ASSERT_TRUE(timestamps);
  EXPECT_EQ(timestamps->length, 10);
  EXPECT_EQ(timestamps->data.size(), 8u);
  EXPECT_FALSE(TcpOptions(bytes).find(TcpOptionKind::sack));
}

TEST(TcpOptions, EndOfListEnds) {
  EXPECT_THAT(kinds_of("0402 00 020405b4"), ElementsAre(4));
  EXPECT_TRUE(well_formed("0402 00 0200"));
  EXPECT_TRUE(well_formed("00"));
  EXPECT_TRUE(well_formed(""));
  EXPECT_TRUE(well_formed("01010101"));
  EXPECT_THAT(kinds_of("01010101"), ElementsAre());
}

TEST(TcpOptions, ImpossibleLengthsEndTheWalk) {
  EXPECT_THAT(kinds_of("0402 0800 0402"), ElementsAre(4));  // length 0 hung PATHspider for ever
  EXPECT_FALSE(well_formed("0402 0800 0402"));
  EXPECT_FALSE(well_formed("0801"));
  EXPECT_FALSE(well_formed("080a 0000"));
  EXPECT_FALSE(well_formed("01 02"));
  EXPECT_THAT(kinds_of("02"), ElementsAre());
}

TEST(TcpHeader, OptionsAreCutWithTheCapture) {
  auto bytes = hex("9c40 0050 00000001 80000002 f0 02 7210 0000 0000 020405b4 0402");
  EXPECT_EQ(TcpHeader::at(bytes)->options().bytes().size(), 6u);
  bytes[12] = 0x40;  // header length 16
  EXPECT_TRUE(TcpHeader::at(bytes)->options().empty());
}

TEST(UdpAndSctpHeader, Fields) {
  const auto udp = hex("0035 c001 0010 beef");
  EXPECT_EQ(UdpHeader::at(udp)->source_port(), 53);
  EXPECT_EQ(UdpHeader::at(udp)->destination_port(), 49153);
  EXPECT_EQ(UdpHeader::at(udp)->length(), 16);
  EXPECT_EQ(UdpHeader::at(udp)->checksum(), 0xbeef);
  EXPECT_FALSE(UdpHeader::at(Bytes(udp).first(7)));
  const auto sctp = hex("0035 c001 01020304 0a0b0c0d");
  EXPECT_EQ(SctpHeader::at(sctp)->source_port(), 53);
  EXPECT_EQ(SctpHeader::at(sctp)->destination_port(), 49153);
  EXPECT_EQ(SctpHeader::at(sctp)->verification_tag(), 0x01020304u);
  EXPECT_EQ(SctpHeader::at(sctp)->checksum(), 0x0a0b0c0du);
  EXPECT_FALSE(SctpHeader::at(Bytes(sctp).first(11)));
}

TEST(IcmpHeader, Fields) {
  const auto bytes = hex("03 04 abcd 000005dc 4500");
  const auto v4 = IcmpHeader::at(bytes, IpVersion::v4);
  EXPECT_EQ(v4->type(), 3);
  EXPECT_EQ(v4->code(), 4);
  EXPECT_EQ(v4->checksum(), 0xabcd);
  EXPECT_EQ(v4->rest_of_header(), 1500u);
  EXPECT_THAT(v4->payload(), ElementsAre(0x45, 0));
  EXPECT_FALSE(IcmpHeader::at(Bytes(bytes).first(7), IpVersion::v4));
}

TEST(IcmpHeader, WhatIsAnError) {
  std::vector<int> v4;
  std::vector<int> v6;
  for (int type = 0; type < 256; ++type) {
    std::vector<std::uint8_t> bytes(8);
    bytes[0] = static_cast<std::uint8_t>(type);
    if (IcmpHeader::at(bytes, IpVersion::v4)->is_error()) v4.push_back(type);
    if (IcmpHeader::at(bytes, IpVersion::v6)->is_error()) v6.push_back(type);
  }
  EXPECT_THAT(v4, ElementsAre(3, 4, 5, 11, 12));
  EXPECT_THAT(v6, ElementsAre(1, 2, 3, 4));
}

}  // namespace
}  // namespace spiderling
