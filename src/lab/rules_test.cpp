#include "lab/rules.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "host/namespaces.h"
#include "host/program.h"

namespace spiderling::lab {
namespace {

std::string rules_of(std::string_view toml) {
  const auto scenario = parse_scenario(fmt::format("name = \"s\"\n{}", toml), "s.toml");
  EXPECT_TRUE(scenario) << scenario.error().message;
  const AddressPlan plan = AddressPlan::of(*scenario).value();
  return nft_rules(*scenario, plan);
}

TEST(Rules, CleanAndForwardedPathsHaveNone) {
  EXPECT_EQ("", rules_of("[[host]]\nbox = \"clean\"\n[[host]]\nbox = \"slow\""));
}

TEST(Rules, APacketMeetsThoseOfItsTargetInItsDirection) {
  EXPECT_EQ(R"(table inet lab {
chain to1 {
tcp flags & (syn | ack | ecn | cwr) == syn | ecn | cwr drop
}
chain to2 {
reset tcp option sack-perm
}
chain from2 {
reset tcp option sack-perm
}
chain forward {
type filter hook forward priority filter; policy accept;
iif "prober0" ip daddr vmap { 10.2.0.0/16 : goto to1, 10.3.0.0/16 : goto to2 }
iif "prober0" ip6 daddr vmap { fd53:7069:6465:200::/64 : goto to1 }
iif "servers0" ip saddr vmap { 10.3.0.0/16 : goto from2 }
}
}
)",
            rules_of("[[host]]\nbox = \"clean\"\n[[host]]\nbox = \"ecn-syn-dropped\"\n"
                     "[[host]]\nbox = \"sack-stripped\"\nfamily = \"v4\""));
}

TEST(Rules, LossMeetsEveryPacket) {
  EXPECT_EQ(R"(table inet lab {
chain forward {
type filter hook forward priority filter; policy accept;
iif { "prober0", "servers0" } numgen random mod 100000 < 1000 drop
}
}
)",
            rules_of("loss_percent = 1\n[[host]]\nbox = \"clean\""));
}

TEST(Rules, ParametersAreUsed) {
  EXPECT_NE(
      std::string::npos,
      rules_of("[[host]]\nbox = \"lossy\"\nloss_percent = 2.5").find("numgen random mod 100000 < 2500 drop"));
  EXPECT_NE(std::string::npos, rules_of("[[host]]\nbox = \"dscp-dropped\"").find("ip dscp != 0 drop"));
  EXPECT_NE(std::string::npos,
            rules_of("[[host]]\nbox = \"dscp-dropped\"\ndscp = 46").find("ip6 dscp 46 drop"));
  EXPECT_NE(std::string::npos,
            rules_of("[[host]]\nbox = \"dscp-rewritten\"\ndscp = 10").find("ip6 dscp set 10"));
}

// Every box that says that it is made of rules is, whatever nft thinks of each.
TEST(Rules, AreTakenByNft) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, run the tests with sudo to cover this";
  if (!find_program("nft")) GTEST_SKIP() << "SKIPPED: needs nft (apt install nftables)";
  const auto network = NetworkNamespace::make();
  ASSERT_TRUE(network) << network.error().message;
  ProgramRun links{.words = {"ip", "-batch", "-"}, .input = "link add prober0 type veth peer servers0\n"};
  links.network = &*network;
  ASSERT_TRUE(run_to_success(links));
  for (const Box& box : boxes()) {
    const std::string rules = rules_of(fmt::format("[[host]]\nbox = \"{}\"", box.name));
    EXPECT_EQ(box.work != BoxWork::rules, rules.empty()) << box.name;
    ProgramRun nft{.words = {"nft", "-f", "-"}, .input = rules};
    nft.network = &*network;
    const auto loaded = run_to_success(nft);
    EXPECT_TRUE(loaded) << box.name << ": " << loaded.error().message;
  }
}

}  // namespace
}  // namespace spiderling::lab
