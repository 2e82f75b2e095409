#include "wire/fragmenter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/checksum.h"
#include "wire/testing.h"

namespace spiderling {
namespace {

using testing::dissect;
using ::testing::ElementsAreArray;

std::vector<std::vector<std::uint8_t>> fragments_of(Bytes packet, std::size_t mtu,
                                                    std::uint32_t identification = 0) {
  std::vector<std::vector<std::uint8_t>> fragments;
  Fragmenter fragmenter(packet, mtu, identification);
  std::uint8_t room[2000];
  for (auto f = fragmenter.next(room); f && !f->empty(); f = fragmenter.next(room)) {
    fragments.emplace_back(f->begin(), f->end());
  }
  return fragments;
}

// What the fragments carry, each put where it says; nothing may overlap or lack.
std::vector<std::uint8_t> reassemble(const std::vector<std::vector<std::uint8_t>>& fragments) {
  std::vector<std::uint8_t> data;
  for (const auto& bytes : fragments) {
    const Packet packet = dissect(bytes, LinkType::raw_ip);
    EXPECT_EQ(packet.ip_length(), bytes.size());
    EXPECT_NE(verify_network_checksum(packet), ChecksumState::bad);
    const auto fragment = packet.fragment();
    if (!fragment) {
      ADD_FAILURE() << "not a fragment";
      return {};
    }
    EXPECT_EQ(fragment->offset, data.size());
    EXPECT_EQ(fragment->more_fragments, &bytes != &fragments.back());
    const Bytes piece = packet.transport().bytes;
    data.insert(data.end(), piece.begin(), piece.end());
  }
  return data;
}

PacketBuilder& counting(PacketBuilder& packet, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) packet.fill(1, static_cast<std::uint8_t>(i));
  return packet;
}

TEST(Fragmenter, Ipv4ComesBackTogether) {
  PacketBuffer<3000> p;
  p.ip4({.identification = 77}).udp({.source_port = 5, .destination_port = 6});
  const Bytes whole = *counting(p, 1500).finish();
  for (const std::size_t mtu : {28u, 29u, 68u, 576u, 1000u, 1527u}) {
    const auto fragments = fragments_of(whole, mtu);
    ASSERT_GT(fragments.size(), 1u);
    EXPECT_THAT(reassemble(fragments), ElementsAreArray(whole.subspan(20)));
    for (const auto& f : fragments) {
      EXPECT_LE(f.size(), mtu);
      EXPECT_EQ(dissect(f, LinkType::raw_ip).fragment()->identification, 77u);
    }
  }
}

TEST(Fragmenter, CopiesOnlyTheOptionsThatAskForIt) {
  PacketBuffer<1000> p;
  p.ip4({}, {ip4_option::record_route(2), ip4_option::nop(), ip4_option::router_alert(3)}).udp({});
  const Bytes whole = *counting(p, 300).finish();
  const auto fragments = fragments_of(whole, 150);
  ASSERT_EQ(fragments.size(), 3u);
  EXPECT_EQ(Ipv4Header::at(fragments[0])->header_length(), 36u);
  EXPECT_EQ(Ipv4Header::at(fragments[1])->header_length(), 24u);
  EXPECT_THAT(Ipv4Header::at(fragments[2])->options(), ElementsAreArray({148, 4, 0, 3}));
  EXPECT_THAT(reassemble(fragments), ElementsAreArray(whole.subspan(36)));
}

TEST(Fragmenter, AFragmentOfAFragmentKeepsItsPlace) {
  PacketBuffer<1000> p;
  const Bytes middle =
      *p.ip4({.more_fragments = true, .fragment_offset = 800, .protocol = 17}).fill(160).finish();
  const auto fragments = fragments_of(middle, 100);
  ASSERT_EQ(fragments.size(), 2u);
  EXPECT_EQ(dissect(fragments[0], LinkType::raw_ip).fragment()->offset, 800);
  EXPECT_EQ(dissect(fragments[1], LinkType::raw_ip).fragment()->offset, 880);
  EXPECT_TRUE(dissect(fragments[1], LinkType::raw_ip).fragment()->more_fragments);
}

TEST(Fragmenter, Ipv6RepeatsWhatEveryRouterReads) {
  PacketBuffer<3000> p;
  const IpAddress hop = *IpAddress::parse("2001:db8::a");
  p.ip6({.source = hop, .destination = hop})
      .hop_by_hop()
      .destination_options()
      .routing({.addresses = {&hop, 1}})
      .destination_options()
      .tcp({.source_port = 5, .destination_port = 6});
  const Bytes whole = *counting(p, 1000).finish();
  const auto fragments = fragments_of(whole, 400, 0xcafe);
  ASSERT_GT(fragments.size(), 2u);
  constexpr std::size_t repeated = 40 + 8 + 8 + 24;
  std::vector<std::uint8_t> data;
  for (const auto& bytes : fragments) {
    EXPECT_LE(bytes.size(), 400u);
    EXPECT_EQ(bytes[repeated - 24], static_cast<std::uint8_t>(IpProtocol::fragment));
    EXPECT_EQ(bytes[repeated], static_cast<std::uint8_t>(IpProtocol::destination_options));
    EXPECT_EQ(dissect(bytes, LinkType::raw_ip).fragment()->identification, 0xcafeu);
    EXPECT_EQ(dissect(bytes, LinkType::raw_ip).fragment()->offset, data.size());
    data.insert(data.end(), bytes.begin() + repeated + 8, bytes.end());
  }
  EXPECT_THAT(data, ElementsAreArray(whole.subspan(repeated)));
}

TEST(Fragmenter, WhatFitsStaysAsItIs) {
  PacketBuffer<200> p;
  const Bytes whole = *p.ip4({}).udp({}).fill(10).finish();
  const auto fragments = fragments_of(whole, whole.size());
  ASSERT_EQ(fragments.size(), 1u);
  EXPECT_THAT(fragments[0], ElementsAreArray(whole));
}

TEST(Fragmenter, WhatCannotBeCutIsAValue) {
  PacketBuffer<200> p;
  const Bytes whole = *p.ip4({}).udp({}).fill(100).finish();
  std::uint8_t room[100];
  EXPECT_EQ(Fragmenter(whole, 27).next(room).error(), BuildError::too_long);
  EXPECT_EQ(Fragmenter(whole, 120).next(room).error(), BuildError::overflow);
  EXPECT_EQ(Fragmenter(whole.subspan(1), 50).next(room).error(), BuildError::too_long);
  EXPECT_EQ(Fragmenter({}, 50).next(room).error(), BuildError::too_long);
}

}  // namespace
}  // namespace spiderling
