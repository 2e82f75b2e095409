#include <gtest/gtest.h>

#include "app/test_run_chain.h"

namespace spiderling {
namespace {

using namespace testing;

TEST(MssChain, ReadsTheOptionOfSynsEachWay) {
  for (const IpVersion version : both_versions) {
    const Hosts h = hosts(version);
    OptionBytes many = tcp_option::nop();
    many.append(tcp_option::sack_permitted().bytes()).append(tcp_option::mss(1220).bytes());
    expect_fields(
        run_chain("mss", {tcp_packet(h.client, h.server, tcp_flag::syn, {.options = tcp_option::mss(1460)}),
                          tcp_packet(h.server, h.client, tcp_flag::syn | tcp_flag::ack, {.options = many})}),
        "mss_len_fwd=4 mss_len_rev=4 mss_value_fwd=1460 mss_value_rev=1220");
  }
}

TEST(MssChain, IsNullWithoutTheOption) {
  const Hosts h = hosts(IpVersion::v4);
  expect_fields(run_chain("mss", {tcp_packet(h.client, h.server, tcp_flag::syn)}),
                "mss_len_fwd=null mss_len_rev=null mss_value_fwd=null mss_value_rev=null");
}

TEST(MssChain, LooksAtSynsOnly) {
  const Hosts h = hosts(IpVersion::v6);
  expect_fields(
      run_chain("mss", {tcp_packet(h.client, h.server, tcp_flag::ack, {.options = tcp_option::mss(1460)})}),
      "mss_len_fwd=null mss_value_fwd=null");
}

TEST(MssChain, AnOptionOfAnOddLengthHasNoValue) {
  const Hosts h = hosts(IpVersion::v4);
  const std::uint8_t byte[] = {5};
  const auto odd = tcp_option::any(2, byte);
  expect_fields(run_chain("mss", {tcp_packet(h.client, h.server, tcp_flag::syn, {.options = odd})}),
                "mss_len_fwd=3 mss_value_fwd=null");
}

TEST(MssChain, AnImpossibleLengthEndsTheList) {
  const Hosts h = hosts(IpVersion::v4);
  OptionBytes bad = tcp_option::any(99, 0, {});
  bad.append(tcp_option::mss(1460).bytes());
  expect_fields(run_chain("mss", {tcp_packet(h.client, h.server, tcp_flag::syn, {.options = bad})}),
                "mss_len_fwd=null");
}

TEST(MssChain, ZeroIsAValueAndNothingEndsAFlow) {
  const Hosts h = hosts(IpVersion::v4);
  const auto syn = tcp_packet(h.client, h.server, tcp_flag::syn, {.options = tcp_option::mss(0)});
  expect_fields(run_chain("mss", {syn}), "mss_value_fwd=0");
  EXPECT_FALSE(completes("mss", {syn}));
}

}  // namespace
}  // namespace spiderling
