#include <gtest/gtest.h>

#include "app/test_run_chain.h"

namespace spiderling {
namespace {

using namespace testing;

PacketBytes datagram(const Endpoint& from, const Endpoint& to, bool checksum) {
  return ip_packet(from, to, {}, [&](PacketBuilder& packet) {
    UdpFields fields{.source_port = from.port, .destination_port = to.port};
    if (!checksum) fields.checksum = std::uint16_t{0};
    packet.udp(fields).fill(5, 1);
  });
}

TEST(UdpChain, TellsTheLastDatagramEachWay) {
  for (const IpVersion version : both_versions) {
    const Hosts h = hosts(version);
    const auto fwd = [&](bool checksum) { return datagram(h.client, h.server, checksum); };
    const auto rev = [&](bool checksum) { return datagram(h.server, h.client, checksum); };
    expect_fields(run_chain("udp", {fwd(true), fwd(false), rev(false), rev(true)}),
                  "udp_zero_checksum_fwd=true udp_zero_checksum_rev=false");
    expect_fields(run_chain("udp", {fwd(false), fwd(true)}),
                  "udp_zero_checksum_fwd=false udp_zero_checksum_rev=null");
  }
}

TEST(UdpChain, IsNullWithoutADatagramAndNeverEndsAFlow) {
  const Hosts h = hosts(IpVersion::v4);
  expect_fields(run_chain("udp", {tcp_packet(h.client, h.server, 0)}),
                "udp_zero_checksum_fwd=null udp_zero_checksum_rev=null");
  EXPECT_FALSE(completes("udp", {datagram(h.client, h.server, false)}));
}

TEST(UdpChain, LaterFragmentsHaveNoChecksum) {
  const Hosts h = hosts(IpVersion::v4);
  expect_fields(run_chain("udp", fragments_of(udp_packet(h.client, h.server, 3000), 1200)),
                "udp_zero_checksum_fwd=false");
}

}  // namespace
}  // namespace spiderling
