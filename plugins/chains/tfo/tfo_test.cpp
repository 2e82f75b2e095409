#include <gtest/gtest.h>

#include "app/test_run_chain.h"

namespace spiderling {
namespace {

using namespace testing;

const std::uint8_t cookie[] = {1, 2, 3, 4, 5, 6, 7, 8};
constexpr std::uint8_t syn = tcp_flag::syn, syn_ack = tcp_flag::syn | tcp_flag::ack;

// The option of the experiment (RFC 6994): kind, length, identifier, cookie.
OptionBytes experiment(std::uint8_t kind, std::uint16_t identifier, Bytes value) {
  PacketBytes data{static_cast<std::uint8_t>(identifier >> 8), static_cast<std::uint8_t>(identifier)};
  data.insert(data.end(), value.begin(), value.end());
  return tcp_option::any(kind, data);
}

TEST(TfoChain, ACookieAskedForAndGiven) {
  for (const IpVersion version : both_versions) {
    const Hosts h = hosts(version);
    expect_fields(
        run_chain("tfo", {tcp_packet(h.client, h.server, syn,
                                     {.sequence = 1000, .options = tcp_option::fast_open()}),
                          tcp_packet(h.server, h.client, syn_ack,
                                     {.acknowledgement = 1001, .options = tcp_option::fast_open(cookie)})}),
        "tfo_synkind=34 tfo_ackkind=34 tfo_synclen=0 tfo_ackclen=8 tfo_seq=1000 tfo_dlen=0 tfo_ack=1001");
  }
}

TEST(TfoChain, DataOnTheSynAcknowledged) {
  for (const IpVersion version : both_versions) {
    const Hosts h = hosts(version);
    expect_fields(
        run_chain("tfo", {tcp_packet(h.client, h.server, syn,
                                     {.sequence = 4294967295u,
                                      .options = tcp_option::fast_open(cookie),
                                      .payload = "request"}),
                          tcp_packet(h.server, h.client, syn_ack, {.acknowledgement = 7})}),
        "tfo_synkind=34 tfo_ackkind=0 tfo_synclen=8 tfo_ackclen=0 tfo_seq=4294967295 tfo_dlen=7 tfo_ack=7");
  }
}

TEST(TfoChain, TheOptionOfTheExperiment) {
  const Hosts h = hosts(IpVersion::v4);
  for (const std::uint8_t kind : {std::uint8_t{254}, std::uint8_t{255}}) {
    expect_fields(run_chain("tfo", {tcp_packet(h.client, h.server, syn,
                                               {.options = experiment(kind, 0xf989, cookie)})}),
                  fmt::format("tfo_synkind={} tfo_synclen=8", kind));
  }
  expect_fields(
      run_chain("tfo", {tcp_packet(h.client, h.server, syn, {.options = experiment(254, 0xf989, {})})}),
      "tfo_synkind=254 tfo_synclen=0");
}

TEST(TfoChain, OtherExperimentsAreNone) {
  const Hosts h = hosts(IpVersion::v4);
  const std::uint8_t byte[] = {0xf9};
  for (const OptionBytes& options : {experiment(254, 0xf988, cookie), experiment(253, 0xf989, cookie),
                                     tcp_option::any(254, byte), tcp_option::any(254, {})}) {
    expect_fields(run_chain("tfo", {tcp_packet(h.client, h.server, syn,
                                               {.sequence = 5, .options = options, .payload = "x"})}),
                  "tfo_synkind=0 tfo_synclen=0 tfo_seq=0 tfo_dlen=0");
  }
}

TEST(TfoChain, AnAcknowledgementCountsOnlyBehindASynWithTheOption) {
  const Hosts h = hosts(IpVersion::v6);
  expect_fields(run_chain("tfo", {tcp_packet(h.client, h.server, syn, {.sequence = 9}),
                                  tcp_packet(h.server, h.client, syn_ack, {.acknowledgement = 10})}),
                "tfo_synkind=0 tfo_seq=0 tfo_ack=0");
}

TEST(TfoChain, LooksAtSynsOnlyAndNeverEndsAFlow) {
  const Hosts h = hosts(IpVersion::v4);
  const auto ack = tcp_packet(h.client, h.server, tcp_flag::ack,
                              {.sequence = 9, .options = tcp_option::fast_open(cookie)});
  expect_fields(run_chain("tfo", {ack}), "tfo_synkind=0 tfo_ackkind=0 tfo_seq=0 tfo_ack=0");
  EXPECT_FALSE(completes("tfo", {ack}));
}

}  // namespace
}  // namespace spiderling
