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

TEST(SynChain, TellsWhichOptionsTheFirstSynForwardHad) {
  for (const IpVersion version : both_versions) {
    const Hosts h = hosts(version);
    const auto syn = [&](const OptionBytes& options) {
      return tcp_packet(h.client, h.server, tcp_flag::syn, {.options = options});
    };
    const auto answer = tcp_packet(h.server, h.client, syn_ack, {.options = tcp_option::timestamps(1, 2)});
    expect_fields(run_chain("syn", {syn({}), answer}),
                  "syn_ts_fwd=false syn_ws_fwd=false syn_sack_fwd=false syn_tfo_fwd=false "
                  "syn_options_changed_fwd=false");
    expect_fields(run_chain("syn", {syn(tcp_option::timestamps(1, 0))}), "syn_ts_fwd=true syn_ws_fwd=false");
    expect_fields(run_chain("syn", {syn(tcp_option::window_scale(7))}), "syn_ws_fwd=true syn_sack_fwd=false");
    expect_fields(run_chain("syn", {syn(tcp_option::sack_permitted())}),
                  "syn_sack_fwd=true syn_tfo_fwd=false");
    expect_fields(run_chain("syn", {syn(tcp_option::fast_open())}), "syn_tfo_fwd=true syn_ts_fwd=false");
    const std::uint8_t experiment[] = {0xf9, 0x89}, another[] = {0xf9, 0x88};
    expect_fields(run_chain("syn", {syn(tcp_option::any(254, experiment))}), "syn_tfo_fwd=true");
    expect_fields(run_chain("syn", {syn(tcp_option::any(255, experiment))}), "syn_tfo_fwd=true");
    expect_fields(run_chain("syn", {syn(tcp_option::any(254, another))}), "syn_tfo_fwd=false");
    expect_fields(run_chain("syn", {tcp_packet(h.client, h.server, tcp_flag::ack)}),
                  "syn_ts_fwd=null syn_ws_fwd=null syn_sack_fwd=null syn_tfo_fwd=null");
  }
}

TEST(SynChain, SeesThatALaterSynHasOtherOptions) {
  const Hosts h = hosts(IpVersion::v4);
  const auto with = tcp_packet(h.client, h.server, tcp_flag::syn, {.options = tcp_option::fast_open()});
  const auto without = tcp_packet(h.client, h.server, tcp_flag::syn);
  expect_fields(run_chain("syn", {with, without}), "syn_tfo_fwd=true syn_options_changed_fwd=true");
  expect_fields(run_chain("syn", {without, with}), "syn_tfo_fwd=false syn_options_changed_fwd=true");
  expect_fields(run_chain("syn", {with, without, with}), "syn_options_changed_fwd=true");
  expect_fields(run_chain("syn", {with, with}), "syn_options_changed_fwd=false");
  const auto answer = tcp_packet(h.server, h.client, syn_ack);
  expect_fields(run_chain("syn", {with, answer}), "syn_options_changed_fwd=false");
}

TEST(SynChain, TellsHowLongTheAnswerTook) {
  for (const IpVersion version : both_versions) {
    const Hosts h = hosts(version);
    const auto asked = tcp_packet(h.client, h.server, tcp_flag::syn);
    const auto answer = tcp_packet(h.server, h.client, syn_ack);
    expect_fields(run_chain("syn", {asked}), "syn_answer_us=null");
    const auto once = std::stoull(run_chain("syn", {asked, answer})["syn_answer_us"]);
    EXPECT_GT(once, 0u);
    const auto later = std::stoull(run_chain("syn", {asked, asked, answer, answer})["syn_answer_us"]);
    EXPECT_EQ(later, 2 * once) << "from the first to the first";
  }
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
