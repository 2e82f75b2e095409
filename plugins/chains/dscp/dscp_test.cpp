#include <gtest/gtest.h>

#include "app/test_run_chain.h"

namespace spiderling {
namespace {

using namespace testing;

class DscpChain : public ::testing::TestWithParam<IpVersion> {
 protected:
  PacketBytes tcp(bool forward, std::uint8_t flags, std::uint8_t dscp, std::string_view payload = {}) const {
    return tcp_packet(forward ? h.client : h.server, forward ? h.server : h.client, flags,
                      {.payload = payload, .ip = {.dscp = dscp}});
  }
  const Hosts h = hosts(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Versions, DscpChain, ::testing::ValuesIn(both_versions),
                         [](const auto& test) { return test.param == IpVersion::v4 ? "v4" : "v6"; });

TEST_P(DscpChain, KeepsTheMarksOfFirstSynAndFirstDataEachWay) {
  using namespace tcp_flag;
  expect_fields(run_chain("dscp", {tcp(true, syn, 1), tcp(true, syn, 9), tcp(false, syn | ack, 2),
                                   tcp(true, ack, 8), tcp(true, ack, 3, "data"), tcp(true, ack, 9, "data"),
                                   tcp(false, ack, 4, "data"), tcp(false, ack, 9, "data")}),
                "dscp_mark_syn_fwd=1 dscp_mark_syn_rev=2 dscp_mark_data_fwd=3 dscp_mark_data_rev=4");
}

TEST_P(DscpChain, ZeroIsAMark) {
  using namespace tcp_flag;
  expect_fields(
      run_chain("dscp", {tcp(true, syn, 0), tcp(true, syn, 9), tcp(false, syn, 0), tcp(true, ack, 0, "x"),
                         tcp(true, ack, 9, "x"), tcp(false, ack, 0, "x"), tcp(false, ack, 9, "x")}),
      "dscp_mark_syn_fwd=0 dscp_mark_syn_rev=0 dscp_mark_data_fwd=0 dscp_mark_data_rev=0");
}

TEST_P(DscpChain, AnAckWithoutPayloadIsNoData) {
  expect_fields(
      run_chain("dscp", {tcp(true, tcp_flag::ack, 7)}),
      "dscp_mark_syn_fwd=null dscp_mark_syn_rev=null dscp_mark_data_fwd=null dscp_mark_data_rev=null");
}

TEST_P(DscpChain, WhatIsNotTCPIsData) {
  const auto udp = [&](bool forward, std::uint8_t dscp) {
    return udp_packet(forward ? h.client : h.server, forward ? h.server : h.client, 0, {.dscp = dscp});
  };
  expect_fields(run_chain("dscp", {udp(true, 63), udp(true, 1), udp(false, 32)}),
                "dscp_mark_syn_fwd=null dscp_mark_data_fwd=63 dscp_mark_data_rev=32");
}

TEST_P(DscpChain, PaddingOfAFrameIsNoPayload) {
  if (GetParam() == IpVersion::v6) return;  // its headers alone fill the shortest frame
  auto frame = PacketBytes(EthernetHeader::size, 0);
  store_be16(frame.data() + 12, 0x0800);
  const auto packet = tcp(true, tcp_flag::ack, 5);
  frame.insert(frame.end(), packet.begin(), packet.end());
  frame.resize(60, 0xff);
  Trace trace;
  trace.at(0, frame, LinkType::ethernet);
  const auto records = run_chains({"dscp"}, trace);
  ASSERT_EQ(records.size(), 1u);
  expect_fields(records[0], "dscp_mark_data_fwd=null");
}

TEST_P(DscpChain, NeverEndsAFlow) { EXPECT_FALSE(completes("dscp", {udp_packet(h.client, h.server)})); }

}  // namespace
}  // namespace spiderling
