#include "lab/scenario.h"

#include <gtest/gtest.h>

#include <set>

#include "lab/plan.h"
#include "lab/truth.h"

namespace spiderling::lab {
namespace {

std::string message_of(std::string_view toml) {
  const auto scenario = parse_scenario(toml, "s.toml");
  return scenario ? "" : scenario.error().message;
}

std::string host_with(std::string_view lines) {
  return message_of(fmt::format("name = \"s\"\n[[host]]\nbox = \"slow\"\n{}", lines));
}

TEST(Scenario, EveryKeyIsRead) {
  const auto scenario = parse_scenario(R"(
name = "mine"
description = "what it is for"
measurement = "tfo"
connect = "dnstcp"
options = ["--timeout", "3"]
[usual]
tfo = ["tfo.connectivity.works"]
[[host]]
box = "clean"
[[host]]
name = "late"
box = "slow"
family = "v6"
count = 7
port = 5353
delay_ms = 250
tfo = ["tfo.connectivity.broken", "pathspider.not_observed"]
ecn = []
may = ["x.y"]
)",
                                       "mine.toml");
  ASSERT_TRUE(scenario) << scenario.error().message;
  EXPECT_EQ("mine", scenario->name);
  EXPECT_EQ("what it is for", scenario->description);
  EXPECT_EQ("tfo", scenario->measurement);
  EXPECT_EQ("dnstcp", scenario->connect);
  EXPECT_EQ((std::vector<std::string>{"--timeout", "3"}), scenario->options);
  ASSERT_EQ(2u, scenario->hosts.size());
  const Host& clean = scenario->hosts[0];
  EXPECT_EQ("clean", clean.name);
  EXPECT_TRUE(clean.ipv4 && clean.ipv6);
  EXPECT_EQ(1u, clean.count);
  EXPECT_EQ(53, clean.port);
  EXPECT_EQ(std::vector<std::string>{"tfo.connectivity.works"}, clean.truth.at("tfo"));
  const Host& late = scenario->hosts[1];
  EXPECT_EQ("late", late.name);
  EXPECT_EQ(BoxKind::slow, late.box->kind);
  EXPECT_TRUE(!late.ipv4 && late.ipv6);
  EXPECT_EQ(7u, late.count);
  EXPECT_EQ(5353, late.port);
  EXPECT_EQ(std::chrono::milliseconds(250), late.parameters.delay);
  EXPECT_EQ(2u, late.truth.at("tfo").size());
  EXPECT_TRUE(late.truth.at("ecn").empty());
  EXPECT_EQ(std::vector<std::string>{"x.y"}, late.may);
  EXPECT_EQ(2u + 7u, scenario->targets());
}

TEST(Scenario, SlipsAreNamedWithTheirLine) {
  EXPECT_EQ("s.toml:1: a scenario needs a name of at most 40 letters, digits, - and _", message_of(""));
  EXPECT_EQ("s.toml:1: a scenario needs a name of at most 40 letters, digits, - and _",
            message_of("name = \"../etc\"\n[[host]]\nbox=\"clean\""));
  EXPECT_EQ("s.toml:1: a scenario needs hosts: [[host]]", message_of("name = \"s\""));
  EXPECT_EQ("s.toml:2: hosts are tables: [[host]]", message_of("name = \"s\"\nhost = 1"));
  EXPECT_EQ("s.toml:2: hosts are tables: [[host]]", message_of("name = \"s\"\nhost = [1]"));
  EXPECT_EQ("s.toml:2: a scenario has no 'conect'; did you mean 'connect'?",
            message_of("name = \"s\"\nconect = \"tcp\""));
  EXPECT_EQ("s.toml:2: 'connect' must be text in quotes", message_of("name = \"s\"\nconnect = 80"));
  EXPECT_EQ("s.toml:2: 'options' must be a list of texts: [\"...\"]",
            message_of("name = \"s\"\noptions = [3]"));
  EXPECT_EQ("s.toml:2: this host has no 'box'", message_of("name = \"s\"\n[[host]]\n"));
  EXPECT_EQ(
      "s.toml:3: there is no box 'ecn-bleech'; did you mean 'ecn-bleached', 'dscp-bleached' or "
      "'ecn-reflected'?",
      message_of("name = \"s\"\n[[host]]\nbox = \"ecn-bleech\""));
  EXPECT_EQ("s.toml:4: 'count' must be a whole number from 1 to 4000000", host_with("count = 0"));
  EXPECT_EQ("s.toml:4: 'port' must be a whole number from 1 to 65535", host_with("port = \"80\""));
  EXPECT_EQ("s.toml:4: 'delay_ms' must be a whole number from 0 to 60000", host_with("delay_ms = -1"));
  EXPECT_EQ("s.toml:4: box 'slow' has no 'mss'", host_with("mss = 500"));
  EXPECT_EQ("s.toml:4: a host has no 'prot'; did you mean 'port'?", host_with("prot = 80"));
  EXPECT_EQ("s.toml:4: 'family' is \"v4\", \"v6\" or \"both\": not 'ipv4'", host_with("family = \"ipv4\""));
  EXPECT_EQ("s.toml:4: a name is at most 40 letters, digits, - and _: not 'a b'",
            host_with("name = \"a b\""));
  EXPECT_EQ("s.toml:4: 'dscp.48.connectivity.works' is no condition of 'ecn': it would begin with 'ecn.'",
            host_with("ecn = [\"dscp.48.connectivity.works\"]"));
  EXPECT_EQ("s.toml:4: 'may' must be a list of texts: [\"...\"]", host_with("may = \"ecn.x\""));
  EXPECT_EQ("s.toml:4: two hosts are named 'clean': give this one a name of its own",
            message_of("name = \"s\"\n[[host]]\nbox = \"clean\"\n[[host]]\nbox = \"clean\""));
  EXPECT_EQ("s.toml:4: box 'evil-dropped' is of IPv4 only: family = \"v4\"",
            message_of("name = \"s\"\n[[host]]\nbox = \"evil-dropped\"\nfamily = \"both\""));
  EXPECT_EQ("s.toml:4: 'loss_percent' must be a number from 0 to 100",
            message_of("name = \"s\"\n[[host]]\nbox = \"lossy\"\nloss_percent = 101"));
}

// dscp and mss are parameters of boxes, and measurements.
TEST(Scenario, AListUnderTheNameOfAParameterIsATruth) {
  const auto scenario = parse_scenario(
      "name = \"s\"\n[[host]]\nbox = \"dscp-rewritten\"\ndscp = [\"dscp.48.connectivity.works\"]\n"
      "[[host]]\nbox = \"clean\"\nmss = [\"mss.connectivity.online\"]\n",
      "s.toml");
  ASSERT_TRUE(scenario) << scenario.error().message;
  EXPECT_EQ(scenario->hosts[0].parameters.dscp, 8) << "the box's own";
  EXPECT_EQ(scenario->hosts[0].truth.at("dscp"), std::vector<std::string>{"dscp.48.connectivity.works"});
  EXPECT_EQ(scenario->hosts[1].truth.at("mss"), std::vector<std::string>{"mss.connectivity.online"});
}

TEST(Scenario, ConditionsOfTcpoptBeginWithAnOption) {
  const std::string head = "name=\"x\"\ndescription=\"y\"\nmeasurement=\"tcpopt\"\n[[host]]\nbox=\"clean\"\n";
  const auto right = parse_scenario(head + "tcpopt=[\"tsopt.a\", \"wsopt.b\", \"sack.c\"]\n", "s.toml");
  ASSERT_TRUE(right) << right.error().message;
  for (const char* wrong : {"tcpopt.a", "sacks.a", "ecn.a", "sack"}) {
    EXPECT_FALSE(parse_scenario(head + "tcpopt=[\"" + wrong + "\"]\n", "s.toml")) << wrong;
  }
}

TEST(Scenario, WhatIsNoTomlIsNamedWithItsLine) {
  const std::string message = message_of("name = \"s\"\n[[host]\n");
  EXPECT_EQ("s.toml:2: ", message.substr(0, 10));
  EXPECT_EQ(std::string::npos, message.find('\n'));
  EXPECT_NE("", message_of(std::string_view("\xff\xfe\0\0", 4)));
}

TEST(Scenario, ManyHostsAreRefused) {
  std::string toml = "name = \"s\"\n";
  for (std::size_t i = 0; i <= max_hosts; ++i)
    toml += fmt::format("[[host]]\nname=\"h{}\"\nbox=\"clean\"\n", i);
  EXPECT_EQ("s.toml:2: more than 200 hosts", message_of(toml));
}

TEST(Scenario, FilesAreReadAndTheirTroubleNamed) {
  EXPECT_EQ("cannot read /nonexistent/x.toml: No such file or directory",
            load_scenario("/nonexistent/x.toml").error().message);
  const auto unknown = load_scenario("ecm");
  ASSERT_FALSE(unknown);
  EXPECT_NE(std::string::npos, unknown.error().message.find("did you mean 'ecn'")) << unknown.error().message;
}

TEST(ShippedScenarios, AreValidAndSayTheTruthOfTheirMeasurement) {
  std::set<std::string> names;
  for (const ShippedScenario& shipped : shipped_scenarios()) {
    const auto scenario = load_scenario(std::string(shipped.name));
    ASSERT_TRUE(scenario) << scenario.error().message;
    EXPECT_EQ(shipped.name, scenario->name);
    EXPECT_FALSE(scenario->description.empty());
    const auto plan = AddressPlan::of(*scenario);
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_TRUE(Judge::of(*scenario, *plan, scenario->measurement)) << scenario->name;
    names.insert(scenario->name);
  }
  for (const char* name : {"demo", "ecn", "ecn-bench"}) EXPECT_TRUE(names.contains(name)) << name;
}

TEST(ShippedScenarios, HaveEveryBoxOnBothFamilies) {
  for (const char* name :
       {"ecn", "dscp", "dscp-dnstcp", "dscp-dnsudp", "udpzero", "evilbit", "mss", "tfo", "tcpopt"}) {
    const Scenario scenario = load_scenario(name).value();
    std::set<std::string_view> ipv4, ipv6;
    for (const Host& host : scenario.hosts) {
      if (host.ipv4) ipv4.insert(host.box->name);
      if (host.ipv6) ipv6.insert(host.box->name);
    }
    for (const Box& box : boxes()) {
      EXPECT_TRUE(ipv4.contains(box.name)) << name << ": " << box.name;
      EXPECT_TRUE(box.ipv4_only || ipv6.contains(box.name)) << name << ": " << box.name;
    }
  }
}

}  // namespace
}  // namespace spiderling::lab
