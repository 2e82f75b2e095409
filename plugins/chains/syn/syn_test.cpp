#include <gtest/gtest.h>

#include "app/test_run_chain.h"

namespace spiderling {
namespace {

using namespace testing;

constexpr std::uint8_t ecn_syn = tcp_flag::syn | tcp_flag::ece | tcp_flag::cwr;
constexpr std::uint8_t syn_ack = tcp_flag::syn | tcp_flag::ack;

TEST(SynChain, CountsEachWay) {
  for (const IpVersion version : both_versions) {
    const Hosts h = hosts(version);
    const auto record = run_chain(
        "syn", {tcp_packet(h.client, h.server, tcp_flag::syn), tcp_packet(h.client, h.server, tcp_flag::syn),
                tcp_packet(h.server, h.client, syn_ack), tcp_packet(h.client, h.server, tcp_flag::ack)});
    EXPECT_EQ(record["syn_count_fwd"], "2");
    EXPECT_EQ(record["syn_count_rev"], "1");
    EXPECT_EQ(record["syn_ecn_retreat_fwd"], "false");
    EXPECT_EQ(record["syn_ecn_retreat_rev"], "false");
  }
}

TEST(SynChain, SeesARetreat) {
  const Hosts h = hosts(IpVersion::v4);
  const auto record = run_chain(
      "syn", {tcp_packet(h.client, h.server, ecn_syn), tcp_packet(h.client, h.server, tcp_flag::syn)});
  EXPECT_EQ(record["syn_ecn_retreat_fwd"], "true");
  EXPECT_EQ(record["syn_ecn_retreat_rev"], "false");
}

TEST(SynChain, AskingAgainIsNoRetreat) {
  const Hosts h = hosts(IpVersion::v6);
  const auto record =
      run_chain("syn", {tcp_packet(h.client, h.server, ecn_syn), tcp_packet(h.client, h.server, ecn_syn),
                        tcp_packet(h.server, h.client, syn_ack | tcp_flag::ece),
                        tcp_packet(h.client, h.server, tcp_flag::ack)});
  EXPECT_EQ(record["syn_ecn_retreat_fwd"], "false");
  EXPECT_EQ(record["syn_ecn_retreat_rev"], "false");
}

TEST(SynChain, AGrantMayBeTakenBack) {
  const Hosts h = hosts(IpVersion::v4);
  const auto record = run_chain("syn", {tcp_packet(h.client, h.server, ecn_syn),
                                        tcp_packet(h.server, h.client, syn_ack | tcp_flag::ece),
                                        tcp_packet(h.server, h.client, syn_ack)});
  EXPECT_EQ(record["syn_ecn_retreat_rev"], "true");
}

}  // namespace
}  // namespace spiderling
