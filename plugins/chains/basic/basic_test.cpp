#include <gtest/gtest.h>

#include "app/test_run_chain.h"

namespace spiderling {
namespace {

using namespace testing;

TEST(BasicChain, CountsPacketsAndOctetsEachWay) {
  for (const IpVersion version : both_versions) {
    const Hosts h = hosts(version);
    const auto there = tcp_packet(h.client, h.server, tcp_flag::syn);
    const auto back = tcp_packet(h.server, h.client, tcp_flag::ack, {.payload = "0123456789"});
    const Json record = run_chain("basic", {there, back, back});
    expect_fields(
        record,
        fmt::format("sip=\"{}\" dip=\"{}\" proto=6 sp=40000 dp=80 pkt_fwd=1 pkt_rev=2 oct_fwd={} oct_rev={}",
                    h.client.address.to_string(), h.server.address.to_string(), there.size(),
                    2 * back.size()));
    expect_fields(record, "pkt_first=1600000000.0 pkt_last=1600000000.002");
  }
}

TEST(BasicChain, NamesTheEndsAsTheFirstPacketDoes) {
  const Hosts h = hosts(IpVersion::v4);
  const Json record = run_chain("basic", {udp_packet(h.server, h.client), udp_packet(h.client, h.server)});
  expect_fields(record,
                "sip=\"198.51.100.20\" dip=\"192.0.2.10\" proto=17 sp=80 dp=40000 pkt_fwd=1 pkt_rev=1");
}

TEST(BasicChain, PortsAreNullWithoutTCPOrUDP) {
  for (const IpVersion version : both_versions) {
    const Hosts h = hosts(version);
    const auto sctp = ip_packet(h.client, h.server, {}, [&](PacketBuilder& packet) {
      packet.sctp({.source_port = 1, .destination_port = 2});
    });
    expect_fields(run_chain("basic", {sctp}), "proto=132 sp=null dp=null pkt_fwd=1");
    expect_fields(run_chain("basic", {other_packet(h.client, h.server, 50)}), "proto=50 sp=null dp=null");
    const bool v4 = version == IpVersion::v4;
    expect_fields(run_chain("basic", {icmp_packet(h.client, h.server, v4 ? 8 : 128)}),
                  v4 ? "proto=1 sp=null dp=null" : "proto=58 sp=null dp=null");
  }
}

TEST(BasicChain, PortZeroIsAPort) {
  Hosts h = hosts(IpVersion::v4);
  h.client.port = 0;
  expect_fields(run_chain("basic", {udp_packet(h.client, h.server)}), "sp=0 dp=80");
}

TEST(BasicChain, OctetsAreThoseOfTheDatagramNotOfTheFrame) {
  const Hosts h = hosts(IpVersion::v4);
  PacketBuffer<200> frame;
  frame.ethernet().ip4({.source = h.client.address, .destination = h.server.address});
  frame.udp({.source_port = 1, .destination_port = 2}).fill(3).pad_to(60);
  const auto bytes = *frame.finish();
  Trace trace;
  trace.at(0, PacketBytes(bytes.begin(), bytes.end()), LinkType::ethernet);
  const auto records = run_chains({"basic"}, trace);
  ASSERT_EQ(records.size(), 1u);
  expect_fields(records[0], "oct_fwd=31 pkt_fwd=1");
}

TEST(BasicChain, FragmentsAndErrorsCountInTheirFlow) {
  for (const IpVersion version : both_versions) {
    const Hosts h = hosts(version);
    auto packets = fragments_of(udp_packet(h.client, h.server, 2000), 1300);
    packets.push_back(unreachable(h.router, h.client, packets[0]));
    expect_fields(run_chain("basic", packets), "proto=17 sp=40000 pkt_fwd=2 pkt_rev=1");
  }
}

TEST(BasicChain, NeverEndsAFlow) {
  const Hosts h = hosts(IpVersion::v4);
  EXPECT_FALSE(completes("basic", {tcp_packet(h.client, h.server, tcp_flag::rst)}));
}

}  // namespace
}  // namespace spiderling
