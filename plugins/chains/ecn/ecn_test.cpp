#include <gtest/gtest.h>

#include "app/test_run_chain.h"

namespace spiderling {
namespace {

using namespace testing;

const std::string all[] = {"ecn_ect0_syn_fwd",  "ecn_ect1_syn_fwd",  "ecn_ce_syn_fwd",    "ecn_ect0_data_fwd",
                           "ecn_ect1_data_fwd", "ecn_ce_data_fwd",   "ecn_ect0_syn_rev",  "ecn_ect1_syn_rev",
                           "ecn_ce_syn_rev",    "ecn_ect0_data_rev", "ecn_ect1_data_rev", "ecn_ce_data_rev"};

// True are those that are named, false all others.
void expect_only(const Json& record, const std::vector<std::string>& names) {
  for (const std::string& name : all) {
    EXPECT_EQ(record[name], std::ranges::find(names, name) != names.end() ? "true" : "false") << name;
  }
}

TEST(EcnChain, TellsMarksBySynAndDirection) {
  for (const IpVersion version : both_versions) {
    const Hosts h = hosts(version);
    const auto opening = tcp_packet(h.client, h.server, 0);
    const struct {
      Ecn ecn;
      const char* name;
    } marks[] = {{Ecn::ect0, "ect0"}, {Ecn::ect1, "ect1"}, {Ecn::ce, "ce"}};
    for (const auto& mark : marks) {
      const auto packet = [&](bool forward, std::uint8_t flags) {
        return tcp_packet(forward ? h.client : h.server, forward ? h.server : h.client, flags,
                          {.ip = {.ecn = mark.ecn}});
      };
      const auto field = [&](const char* kind) { return fmt::format("ecn_{}_{}", mark.name, kind); };
      expect_only(run_chain("ecn", {opening, packet(true, tcp_flag::syn)}), {field("syn_fwd")});
      expect_only(run_chain("ecn", {opening, packet(true, tcp_flag::ack)}), {field("data_fwd")});
      expect_only(run_chain("ecn", {opening, packet(false, tcp_flag::syn | tcp_flag::ack)}),
                  {field("syn_rev")});
      expect_only(run_chain("ecn", {opening, packet(false, tcp_flag::ack)}), {field("data_rev")});
      const auto udp = udp_packet(h.client, h.server, 10, {.ecn = mark.ecn});
      expect_only(run_chain("ecn", {udp}), {field("data_fwd")});
    }
  }
}

TEST(EcnChain, WithoutAMarkAllIsFalse) {
  const Hosts h = hosts(IpVersion::v4);
  expect_only(
      run_chain("ecn", {tcp_packet(h.client, h.server, tcp_flag::syn | tcp_flag::ece | tcp_flag::cwr)}), {});
}

TEST(EcnChain, CollectsAllMarksAndNeverEndsAFlow) {
  const Hosts h = hosts(IpVersion::v6);
  const std::vector<PacketBytes> packets{udp_packet(h.client, h.server, 1, {.ecn = Ecn::ect0}),
                                         udp_packet(h.client, h.server, 1, {.ecn = Ecn::ce})};
  expect_only(run_chain("ecn", packets), {"ecn_ect0_data_fwd", "ecn_ce_data_fwd"});
  EXPECT_FALSE(completes("ecn", packets));
}

TEST(EcnChain, DSCPIsNotTakenForAMark) {
  const Hosts h = hosts(IpVersion::v4);
  expect_only(run_chain("ecn", {udp_packet(h.client, h.server, 1, {.dscp = 63})}), {});
}

}  // namespace
}  // namespace spiderling
