// Against what Linux 6.18 sends with net.ipv4.tcp_timestamps, tcp_window_scaling and tcp_sack switched off
// one by one: the bytes of its options were read off a link.
#include "connect/syn_options.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "spiderling/builder.h"
#include "wire/checksum.h"
#include "wire/testing.h"

namespace spiderling {
namespace {

using testing::hex;

// SACK in the room of the timestamps' padding, then window scale behind a no-operation.
constexpr const char* all_options = "020405b4 0402 080a0776d3bf00000000 01 03030a";

std::vector<std::uint8_t> syn(bool v6, const std::string& options, std::uint8_t flags = tcp_flag::syn,
                              std::string_view data = {}) {
  OptionBytes raw;
  for (const std::uint8_t byte : hex(options)) raw.append8(byte);
  PacketBuffer<2048> buffer;
  if (v6)
    buffer.ip6({.source = *IpAddress::parse("2001:db8::1"), .destination = *IpAddress::parse("2001:db8::2")});
  else
    buffer.ip4({.source = *IpAddress::parse("192.0.2.1"), .destination = *IpAddress::parse("192.0.2.2")});
  const auto bytes =
      buffer.tcp({.source_port = 1000, .destination_port = 80, .flags = flags}, {raw}).payload(data).finish();
  return {bytes->begin(), bytes->end()};
}

Packet dissect_ip(const std::vector<std::uint8_t>& bytes) {
  Packet packet;
  Dissector::dissect_ip(packet, bytes, static_cast<std::uint32_t>(bytes.size()), 0);
  return packet;
}

struct Case {
  SynOptions kept;
  const char* expected;
};
const Case cases[] = {
    {{true, true, true}, all_options},
    {{false, false, false}, "020405b4"},
    {{true, false, false}, "020405b4 0101 080a0776d3bf00000000"},
    {{false, true, false}, "020405b4 01 03030a"},
    {{false, false, true}, "020405b4 0101 0402"},
    {{false, true, true}, "020405b4 0101 0402 01 03030a"},
    {{true, true, false}, "020405b4 0101 080a0776d3bf00000000 01 03030a"},
    {{true, false, true}, "020405b4 0402 080a0776d3bf00000000"},
};

TEST(SynOptions, WhatStaysIsAsLinuxSendsItWithTheOthersSwitchedOff) {
  for (const bool v6 : {false, true}) {
    for (const Case& one : cases) {
      for (const std::string_view data : {"", "x", "data"}) {
        auto packet = syn(v6, all_options, tcp_flag::syn, data);
        const auto size = keep_syn_options(packet, one.kept);
        ASSERT_TRUE(size.has_value());
        packet.resize(*size);
        EXPECT_EQ(packet, syn(v6, one.expected, tcp_flag::syn, data)) << one.expected;
        const Packet found = dissect_ip(packet);
        EXPECT_EQ(verify_transport_checksum(found), ChecksumState::good) << one.expected;
        EXPECT_NE(verify_network_checksum(found), ChecksumState::bad) << one.expected;
      }
    }
  }
}

TEST(SynOptions, OthersStayAsTheyAre) {
  auto packet = syn(false, std::string(all_options) + "2202 0101");
  const auto size = keep_syn_options(packet, {});
  ASSERT_TRUE(size.has_value());
  packet.resize(*size);
  EXPECT_EQ(packet, syn(false, "020405b4 2202 0101"));
}

TEST(SynOptions, WithoutOptionsThereIsNothingToTakeOut) {
  auto packet = syn(true, "");
  const auto before = packet;
  EXPECT_EQ(keep_syn_options(packet, {}), before.size());
  EXPECT_EQ(packet, before);
}

TEST(SynOptions, WhatIsNoSynIsNone) {
  for (const std::uint8_t flags :
       {tcp_flag::ack, static_cast<std::uint8_t>(tcp_flag::syn | tcp_flag::ack), tcp_flag::rst}) {
    auto packet = syn(false, all_options, flags);
    EXPECT_FALSE(keep_syn_options(packet, {}).has_value());
  }
  // What the kernel itself says on a device: a report of a multicast listener.
  auto report = hex("6000000000003aff fe800000000000000000000000000001 ff020000000000000000000000000016");
  EXPECT_FALSE(keep_syn_options(report, {}).has_value());
}

TEST(SynOptions, APacketCutAnywhereIsLeftAlone) {
  const auto whole = syn(false, all_options);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::vector<std::uint8_t> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto before = cut;
    EXPECT_FALSE(keep_syn_options(cut, {}).has_value()) << size;
    EXPECT_EQ(cut, before) << size;
  }
}

}  // namespace
}  // namespace spiderling
