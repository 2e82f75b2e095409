#include <gtest/gtest.h>

#include "app/test_run_chain.h"

namespace spiderling {
namespace {

using namespace testing;

Json with_options(IpVersion version, bool forward, std::uint8_t flags, const OptionBytes& options) {
  const Hosts h = hosts(version);
  return run_chain("tcpopt", {tcp_packet(h.client, h.server, tcp_flag::syn),
                              tcp_packet(forward ? h.client : h.server, forward ? h.server : h.client, flags,
                                         {.options = options})});
}

constexpr std::uint8_t syn_ack = tcp_flag::syn | tcp_flag::ack;

TEST(TcpOptChain, SeesEachOptionOfAReverseSyn) {
  for (const IpVersion version : both_versions) {
    expect_fields(with_options(version, false, syn_ack, tcp_option::timestamps(1, 2)),
                  "tcpopt_ts=true tcpopt_ws=null tcpopt_sack=null");
    expect_fields(with_options(version, false, syn_ack, tcp_option::window_scale(7)),
                  "tcpopt_ts=null tcpopt_ws=true tcpopt_sack=null");
    expect_fields(with_options(version, false, syn_ack, tcp_option::sack_permitted()),
                  "tcpopt_ts=null tcpopt_ws=null tcpopt_sack=true");
  }
}

TEST(TcpOptChain, SeesThemTogether) {
  OptionBytes options = tcp_option::mss(1460);
  options.append(tcp_option::sack_permitted().bytes()).append(tcp_option::timestamps(1, 2).bytes());
  options.append(tcp_option::nop().bytes()).append(tcp_option::window_scale(7).bytes());
  expect_fields(with_options(IpVersion::v4, false, syn_ack, options),
                "tcpopt_ts=true tcpopt_ws=true tcpopt_sack=true");
}

TEST(TcpOptChain, ForwardSynsAndOtherSegmentsDoNotCount) {
  expect_fields(with_options(IpVersion::v4, true, tcp_flag::syn, tcp_option::timestamps(1, 2)),
                "tcpopt_ts=null");
  expect_fields(with_options(IpVersion::v6, false, tcp_flag::ack, tcp_option::timestamps(1, 2)),
                "tcpopt_ts=null");
}

TEST(TcpOptChain, NothingBehindTheEndOfTheListCounts) {
  OptionBytes options = tcp_option::end_of_list();
  options.append(tcp_option::sack_permitted().bytes());
  expect_fields(with_options(IpVersion::v4, false, syn_ack, options), "tcpopt_sack=null");
}

TEST(TcpOptChain, NeverEndsAFlow) {
  const Hosts h = hosts(IpVersion::v4);
  EXPECT_FALSE(completes("tcpopt", {tcp_packet(h.client, h.server, tcp_flag::syn)}));
}

}  // namespace
}  // namespace spiderling
