#include <gtest/gtest.h>

#include "app/test_run_chain.h"

namespace spiderling {
namespace {

using namespace testing;
using namespace tcp_flag;

class TcpChain : public ::testing::TestWithParam<IpVersion> {
 protected:
  PacketBytes fwd(int flags) const {
    return tcp_packet(h.client, h.server, static_cast<std::uint8_t>(flags));
  }
  PacketBytes rev(int flags) const {
    return tcp_packet(h.server, h.client, static_cast<std::uint8_t>(flags));
  }
  const Hosts h = hosts(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Versions, TcpChain, ::testing::ValuesIn(both_versions),
                         [](const auto& test) { return test.param == IpVersion::v4 ? "v4" : "v6"; });

TEST_P(TcpChain, KeepsTheFlagsOfTheFirstSynEachWay) {
  expect_fields(run_chain("tcp", {fwd(syn | ece | cwr), fwd(syn), rev(syn | ack | ece), rev(syn | ack)}),
                "tcp_synflags_fwd=194 tcp_synflags_rev=82");
}

TEST_P(TcpChain, ASynThatWasNotSeenIsNull) {
  expect_fields(
      run_chain("tcp", {fwd(ack), rev(ack)}),
      "tcp_synflags_fwd=null tcp_synflags_rev=null tcp_fin_fwd=false tcp_fin_rev=false tcp_rst_fwd=false "
      "tcp_rst_rev=false tcp_connected=false");
}

TEST_P(TcpChain, FinAndRstAreInTheDirectionTheyWereSent) {
  expect_fields(run_chain("tcp", {fwd(syn), fwd(fin | ack)}), "tcp_fin_fwd=true tcp_fin_rev=false");
  expect_fields(run_chain("tcp", {fwd(syn), rev(fin | ack)}), "tcp_fin_fwd=false tcp_fin_rev=true");
  expect_fields(run_chain("tcp", {fwd(syn), fwd(rst)}), "tcp_rst_fwd=true tcp_rst_rev=false");
  expect_fields(run_chain("tcp", {fwd(syn), rev(rst | ack)}), "tcp_rst_fwd=false tcp_rst_rev=true");
}

TEST_P(TcpChain, IsConnectedOnAForwardAckBehindBothSyns) {
  expect_fields(run_chain("tcp", {fwd(syn), rev(syn | ack), fwd(ack)}), "tcp_connected=true");
  expect_fields(run_chain("tcp", {fwd(syn), rev(syn | ack)}), "tcp_connected=false");
  expect_fields(run_chain("tcp", {fwd(syn), fwd(ack)}), "tcp_connected=false");
  expect_fields(run_chain("tcp", {fwd(syn), rev(syn | ack), rev(ack)}), "tcp_connected=false");
  expect_fields(run_chain("tcp", {fwd(syn), fwd(ack), rev(syn | ack)}), "tcp_connected=false");
  expect_fields(run_chain("tcp", {rev(syn | ack), fwd(syn), rev(ack)}), "tcp_connected=false");
}

TEST_P(TcpChain, CompletesOnFinBothWaysOrAnyRst) {
  EXPECT_TRUE(completes("tcp", {fwd(syn), fwd(fin), rev(fin)}));
  EXPECT_TRUE(completes("tcp", {fwd(rst)}));
  EXPECT_TRUE(completes("tcp", {fwd(syn), rev(rst | ack)}));
  EXPECT_FALSE(completes("tcp", {fwd(syn), fwd(fin), fwd(fin)}));
  EXPECT_FALSE(completes("tcp", {fwd(syn), rev(fin)}));
}

TEST_P(TcpChain, SeesWhatComesBehindTheEnd) {
  expect_fields(run_chain("tcp", {fwd(syn), fwd(rst), rev(fin)}), "tcp_rst_fwd=true tcp_fin_rev=true");
}

TEST_P(TcpChain, HasItsDefaultsWithoutTCP) {
  expect_fields(run_chain("tcp", {udp_packet(h.client, h.server)}),
                "tcp_synflags_fwd=null tcp_connected=false");
}

TEST_P(TcpChain, DoesNotTakeAQuotedSegmentForOne) {
  const auto quoted = tcp_packet(h.client, h.server, syn);
  expect_fields(run_chain("tcp", {unreachable(h.router, h.client, quoted)}),
                "tcp_synflags_fwd=null tcp_synflags_rev=null");
}

}  // namespace
}  // namespace spiderling
