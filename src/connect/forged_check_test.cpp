#include "connect/forged_check.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "spiderling/builder.h"

namespace spiderling {
namespace {

using ByteVector = std::vector<std::uint8_t>;

ConnectionEnds ends(IpVersion version) {
  if (version == IpVersion::v6)
    return {*IpAddress::parse("2001:db8::1"), *IpAddress::parse("2001:db8::2"), 40000, 53};
  return {*IpAddress::parse("192.0.2.1"), *IpAddress::parse("192.0.2.2"), 40000, 53};
}

template <class Build>
ByteVector built(const Build& build) {
  PacketBuffer<2048> buffer;
  build(buffer);
  const auto bytes = buffer.finish();
  EXPECT_TRUE(bytes) << describe(bytes.error());
  return bytes ? ByteVector(bytes->begin(), bytes->end()) : ByteVector();
}

PacketBuilder& ip(PacketBuilder& builder, const ConnectionEnds& e) {
  if (e.dip.version == IpVersion::v6) return builder.ip6({.source = e.sip, .destination = e.dip});
  return builder.ip4({.source = e.sip, .destination = e.dip});
}
ByteVector udp_between(const ConnectionEnds& e) {
  return built([&](PacketBuilder& b) {
    ip(b, e).udp({.source_port = e.sp, .destination_port = e.dp}).payload("who?");
  });
}

// Empty: it may leave.
std::string refusal(const ByteVector& packet, const ConnectionEnds& e,
                    IpProtocol protocol = IpProtocol::udp) {
  const auto checked = check_forged(packet, e, protocol);
  return checked ? "" : checked.error().message;
}

constexpr IpVersion both[] = {IpVersion::v4, IpVersion::v6};

TEST(CheckForged, ItsOwnMayLeave) {
  for (const IpVersion version : both) {
    const ConnectionEnds e = ends(version);
    EXPECT_EQ(refusal(udp_between(e), e), "");
    const auto syn = built([&](PacketBuilder& b) {
      ip(b, e).tcp({.source_port = e.sp, .destination_port = e.dp, .flags = tcp_flag::syn},
                   {tcp_option::mss(1460)});
    });
    EXPECT_EQ(refusal(syn, e, IpProtocol::tcp), "");
    EXPECT_EQ(refusal(syn, e), "its protocol is 6, that of the measurement 17");
  }
}

TEST(CheckForged, HoweverUnusualItIs) {
  const ConnectionEnds e4 = ends(IpVersion::v4), e6 = ends(IpVersion::v6);
  EXPECT_EQ(
      refusal(built([&](PacketBuilder& b) {
                b.ip4({.source = e4.sip,
                       .destination = e4.dip,
                       .dscp = 63,
                       .ecn = Ecn::ce,
                       .reserved_flag = true,
                       .ttl = 1,
                       .checksum = std::uint16_t{0}},
                      {ip4_option::record_route(3)})
                    .udp({.source_port = e4.sp, .destination_port = e4.dp, .checksum = std::uint16_t{0}});
              }),
              e4),
      "");
  EXPECT_EQ(
      refusal(built([&](PacketBuilder& b) {
                b.ip6({.source = e6.sip, .destination = e6.dip, .flow_label = 0xfffff})
                    .hop_by_hop({ip6_option::router_alert()})
                    .destination_options({ip6_option::padn(6)})
                    .udp({.source_port = e6.sp, .destination_port = e6.dp, .checksum = std::uint16_t{0xbad}});
              }),
              e6),
      "");
  // TCP options that no stack would send are what a measurement may be about.
  EXPECT_EQ(refusal(built([&](PacketBuilder& b) {
                      ip(b, e4).tcp({.source_port = e4.sp, .destination_port = e4.dp, .reserved = 0xf},
                                    {tcp_option::any(254, 99, {})});
                    }),
                    e4, IpProtocol::tcp),
            "");
}

TEST(CheckForged, AnothersNameIsRefused) {
  for (const IpVersion version : both) {
    const ConnectionEnds e = ends(version);
    ConnectionEnds other = e;
    std::swap(other.sip, other.dip);
    EXPECT_NE(refusal(udp_between(other), e).find("is not our address"), std::string::npos);
    other = e;
    other.dip.bytes[3] ^= 1;
    EXPECT_NE(refusal(udp_between(other), e).find("is not the target"), std::string::npos);
    other = e;
    other.sp = 53;
    EXPECT_EQ(refusal(udp_between(other), e), "its ports 53 and 53 are not the reserved 40000 and 53");
    other = e;
    other.dp = 54;
    EXPECT_EQ(refusal(udp_between(other), e), "its ports 40000 and 54 are not the reserved 40000 and 53");
    const ConnectionEnds other_version = ends(version == IpVersion::v4 ? IpVersion::v6 : IpVersion::v4);
    EXPECT_NE(refusal(udp_between(other_version), e).find("is not our address"), std::string::npos);
  }
}

TEST(CheckForged, ARouteOfItsOwnIsRefused) {
  const ConnectionEnds e4 = ends(IpVersion::v4), e6 = ends(IpVersion::v6);
  for (const bool strict : {false, true}) {
    EXPECT_EQ(refusal(built([&](PacketBuilder& b) {
                        b.ip4({.source = e4.sip, .destination = e4.dip},
                              {ip4_option::nop(), ip4_option::source_route({e4.sip}, strict)})
                            .udp({.source_port = e4.sp, .destination_port = e4.dp});
                      }),
                      e4),
              "a source route leads to other addresses than the target's");
  }
  const IpAddress hop = *IpAddress::parse("2001:db8::99");
  for (const std::uint8_t type : std::initializer_list<std::uint8_t>{0, 2, 3, 4, 253}) {
    EXPECT_EQ(refusal(built([&](PacketBuilder& b) {
                        b.ip6({.source = e6.sip, .destination = e6.dip})
                            .destination_options({ip6_option::padn(6)})
                            .routing({.type = type, .segments_left = 1, .addresses = {&hop, 1}})
                            .udp({.source_port = e6.sp, .destination_port = e6.dp});
                      }),
                      e6),
              "a routing header leads to other addresses than the target's");
  }
}

TEST(CheckForged, WhatTheKernelWouldChangeIsRefused) {
  const ConnectionEnds e = ends(IpVersion::v4);
  EXPECT_NE(refusal(built([&](PacketBuilder& b) {
                      b.ip4({.source = e.sip, .destination = e.dip, .checksum = std::uint16_t{1}})
                          .udp({.source_port = e.sp, .destination_port = e.dp});
                    }),
                    e)
                .find("leave it 0"),
            std::string::npos);
}

TEST(CheckForged, WhatIsNoWholePacketIsRefused) {
  for (const IpVersion version : both) {
    const ConnectionEnds e = ends(version);
    const ByteVector whole = udp_between(e);
    EXPECT_EQ(refusal({}, e), "it is empty");
    for (std::size_t size = 1; size < whole.size(); ++size) {
      EXPECT_NE(refusal(ByteVector(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)), e), "")
          << size;
    }
    ByteVector longer = whole;
    longer.push_back(0);
    EXPECT_NE(refusal(longer, e).find("states a length"), std::string::npos);
    longer.resize(70'000);
    EXPECT_EQ(refusal(longer, e), "it has 70000 bytes; an IP packet has at most 65535");
    EXPECT_EQ(refusal(ByteVector(100, 0xff), e), "it does not start with an IP header");
  }
  // A later fragment has no ports to tell it by.
  const ConnectionEnds e4 = ends(IpVersion::v4), e6 = ends(IpVersion::v6);
  EXPECT_EQ(refusal(built([&](PacketBuilder& b) {
                      b.ip4({.source = e4.sip, .destination = e4.dip, .fragment_offset = 8})
                          .udp({.source_port = e4.sp, .destination_port = e4.dp});
                    }),
                    e4),
            "it has no ports");
  EXPECT_EQ(refusal(built([&](PacketBuilder& b) {
                      b.ip6({.source = e6.sip, .destination = e6.dip})
                          .ip6_fragment({.offset = 8})
                          .udp({.source_port = e6.sp, .destination_port = e6.dp});
                    }),
                    e6),
            "it has no ports");
}

// Whatever single byte of a packet is wrong: those that name its ends are.
TEST(CheckForged, EveryByteOfItsEndsCounts) {
  for (const IpVersion version : both) {
    const ConnectionEnds e = ends(version);
    const ByteVector whole = udp_between(e);
    const std::size_t addresses = version == IpVersion::v4 ? 12 : 8;
    const std::size_t ports = version == IpVersion::v4 ? 20 : 40;
    for (std::size_t at = addresses; at < ports + 4; ++at) {
      ByteVector changed = whole;
      changed[at] ^= 0x10;
      EXPECT_NE(refusal(changed, e), "") << at;
    }
  }
}

}  // namespace
}  // namespace spiderling
