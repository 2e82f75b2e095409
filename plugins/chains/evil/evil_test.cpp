#include <gtest/gtest.h>

#include "app/test_run_chain.h"

namespace spiderling {
namespace {

using namespace testing;

const Hosts h = hosts(IpVersion::v4);

PacketBytes tcp(bool forward, std::uint8_t flags, bool evil, std::string_view payload = {}) {
  return tcp_packet(forward ? h.client : h.server, forward ? h.server : h.client, flags,
                    {.payload = payload, .ip = {.reserved_flag = evil}});
}

TEST(EvilChain, KeepsTheFlagOfFirstSynAndFirstDataEachWay) {
  using namespace tcp_flag;
  expect_fields(
      run_chain("evil", {tcp(true, syn, true), tcp(true, syn, false), tcp(false, syn | ack, false),
                         tcp(false, syn | ack, true), tcp(true, ack, false, "x"), tcp(true, ack, true, "x"),
                         tcp(false, ack, true, "x"), tcp(false, ack, false, "x")}),
      "evilbit_syn_fwd=true evilbit_syn_rev=false evilbit_data_fwd=false evilbit_data_rev=true");
}

TEST(EvilChain, AnAckWithoutPayloadIsNoData) {
  expect_fields(run_chain("evil", {tcp(true, tcp_flag::ack, true)}),
                "evilbit_syn_fwd=null evilbit_syn_rev=null evilbit_data_fwd=null evilbit_data_rev=null");
}

TEST(EvilChain, WhatIsNotTCPIsData) {
  expect_fields(run_chain("evil", {udp_packet(h.client, h.server, 0, {.reserved_flag = true}),
                                   udp_packet(h.server, h.client, 0)}),
                "evilbit_syn_fwd=null evilbit_data_fwd=true evilbit_data_rev=false");
}

TEST(EvilChain, IsNullInIPv6) {
  const Hosts six = hosts(IpVersion::v6);
  expect_fields(run_chain("evil", {tcp_packet(six.client, six.server, tcp_flag::syn),
                                   tcp_packet(six.server, six.client, tcp_flag::ack, {.payload = "x"})}),
                "evilbit_syn_fwd=null evilbit_syn_rev=null evilbit_data_fwd=null evilbit_data_rev=null");
}

TEST(EvilChain, NeverEndsAFlow) {
  EXPECT_FALSE(completes("evil", {tcp(true, tcp_flag::syn, true, "x"), tcp(true, 0, true, "x")}));
}

}  // namespace
}  // namespace spiderling
