#include "host/undo.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "host/fake_host.h"

namespace spiderling {
namespace {

constexpr std::uint32_t table = first_table + 7;

PolicyRule our_rule() {
  return {.family = Family::v6,
          .preference = 32765,
          .mark = 0x1000000,
          .mask = mark_mask,
          .table = table,
          .protocol = our_protocol};
}

std::vector<Undo> one_of_each() {
  return {UndoSysctl{"net.ipv4.tcp_rmem", "1 2 3", ""}, UndoNftTable{"spiderling_12_1"}, UndoRule{our_rule()},
          UndoRoutes{Family::v4, table}, UndoFound{"net.ipv4.tcp_rmem", ""}};
}

TEST(Undo, TextComesBackAsItWas) {
  for (const Undo& undo : one_of_each()) {
    const std::string line = undo_to_text(undo);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const auto back = undo_from_text(line);
    ASSERT_TRUE(back) << line << ": " << back.error().message;
    EXPECT_EQ(*back, undo) << line;
  }
  const Undo odd = UndoSysctl{"kernel.x", "a b%\n\t\xff", "%"};
  EXPECT_EQ(undo_from_text(undo_to_text(odd)).value(), odd);
}

TEST(Undo, OnlyWhatWeCouldHaveWrittenIsTaken) {
  for (const char* line : {"",
                           " ",
                           "sysctl",
                           "sysctl a 1",
                           "sysctl a 1 2 3",
                           "sysctl ../x 1 2",
                           "sysctl a %4 2",
                           "sysctl a %zz 2",
                           "found net.ipv4.tcp_ecn",
                           "found net.ipv4.tcp_ecn 1 2",
                           "found kernel.core_pattern 1",
                           "nft",
                           "nft firewall",
                           "nft spiderling_1;flush",
                           "nft spiderling_1 x",
                           "rule 4 1 16777216",
                           "rule 5 1 16777216 1397751815",
                           "rule 4 1 1 1397751815",
                           "rule 4 1 0 1397751815",
                           "rule 4 1 16777216 254",
                           "rule 4 -1 16777216 1397751815",
                           "routes 4 254",
                           "routes 4",
                           "routes 4 99999999999",
                           "routes 4 1397751815 1",
                           "flush ruleset"})
    EXPECT_FALSE(undo_from_text(line)) << line;
  EXPECT_FALSE(undo_from_text("nft spiderling_" + std::string(100, 'a')));
}

TEST(Undo, IsCarriedOutOnceHoweverOften) {
  FakeHost host;
  host.state.sysctls["net.ipv4.tcp_ecn"] = "2";
  host.add_route_to_main(Family::v4, "default", "via 10.0.0.1");
  const auto before = host.state;
  ASSERT_TRUE(host.add_ecn_copy(host.state.routes.front(), table));
  ASSERT_TRUE(host.add_rule(our_rule()));
  ASSERT_TRUE(host.add_nft_table("spiderling_12_1", "x\n"));
  ASSERT_TRUE(host.sysctls().write("net.ipv4.tcp_ecn", "1"));
  const std::vector<Undo> undos = {UndoRoutes{Family::v4, table}, UndoRule{our_rule()},
                                   UndoNftTable{"spiderling_12_1"}, UndoSysctl{"net.ipv4.tcp_ecn", "2", "1"}};
  const auto report = carry_out(host, undos);
  EXPECT_EQ(report.put_back.size(), 4U) << report.text();
  EXPECT_TRUE(report.failed.empty() && report.left.empty()) << report.text();
  EXPECT_EQ(host.state, before);

  const int changes = host.changes;
  EXPECT_EQ(carry_out(host, undos).text(), "nothing was left to put back");
  EXPECT_EQ(host.changes, changes);
  EXPECT_EQ(host.state, before);
}

TEST(Undo, TheLastChangeFirst) {
  FakeHost host;
  host.state.sysctls["a"] = "3";
  const std::vector<Undo> undos = {UndoSysctl{"a", "1", "2"}, UndoSysctl{"a", "2", "3"}};
  EXPECT_TRUE(carry_out(host, undos).left.empty());
  EXPECT_EQ(host.state.sysctls["a"], "1");
}

TEST(Undo, SomeoneElsesValueIsLeftAndNamed) {
  FakeHost host;
  host.state.sysctls["a"] = "7";
  const Undo undo = UndoSysctl{"a", "1", "2"};
  const auto report = carry_out(host, std::span(&undo, 1));
  ASSERT_EQ(report.left.size(), 1U);
  EXPECT_NE(report.text().find("a is 7"), std::string::npos) << report.text();
  EXPECT_EQ(host.state.sysctls["a"], "7");
  EXPECT_EQ(host.changes, 0);
}

TEST(Undo, WhatWasFoundComesBackWhateverItIs) {
  FakeHost host;
  host.state.sysctls = {{"net.a", "7"}, {"net.b", "2"}};
  const std::vector<Undo> undos = {UndoFound{"net.a", "1"}, UndoFound{"net.b", "2"},
                                   UndoFound{"net.gone", "1"}};
  const auto report = carry_out(host, undos);
  EXPECT_EQ(report.put_back, std::vector<std::string>{"net.a = 1"});
  EXPECT_TRUE(report.failed.empty() && report.left.empty()) << report.text();
  EXPECT_EQ(host.changes, 1) << "what is as it was is left alone";
  EXPECT_EQ(host.state.sysctls["net.a"], "1");
}

TEST(Undo, RoutesOfOthersInOurTableStay) {
  FakeHost host;
  host.state.routes.push_back({.family = Family::v4,
                               .table = table,
                               .protocol = 4,
                               .destination = "10.0.0.0/8",
                               .via = {},
                               .message = {}});
  const Undo undo = UndoRoutes{Family::v4, table};
  EXPECT_TRUE(carry_out(host, std::span(&undo, 1)).put_back.empty());
  EXPECT_EQ(host.state.routes.size(), 1U);
}

TEST(Undo, OneThatFailsKeepsNoOtherFromBeingDone) {
  FakeHost host;
  host.state.sysctls = {{"a", "2"}, {"b", "2"}, {"stubborn", "2"}};
  host.stubborn = {"stubborn"};
  host.failing_change = 1;
  const std::vector<Undo> undos = {UndoSysctl{"stubborn", "1", "2"}, UndoSysctl{"gone", "1", "2"},
                                   UndoSysctl{"a", "1", "2"}, UndoSysctl{"b", "1", "2"}};
  const auto report = carry_out(host, undos);
  EXPECT_EQ(report.failed.size(), 3U) << report.text();
  EXPECT_EQ(report.put_back, std::vector<std::string>{"a = 1"});
  EXPECT_EQ(host.state.sysctls["b"], "2");
}

}  // namespace
}  // namespace spiderling
