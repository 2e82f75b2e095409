#include "host/syn_detours.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "host/fake_host.h"
#include "host/left_behind.h"
#include "host/test_journal_folder.h"

namespace spiderling {
namespace {

const std::vector<SynDetour> two = {{0x11000000, "one"}, {0x12000000, "two"}};

struct Detoured {
  JournalFolder folder;
  FakeHost host;
  FakeHostState before;

  Detoured() {
    folder.open();
    before = host.state;
  }
  Result<std::unique_ptr<SynDetours>> install() { return SynDetours::install(host, *folder.journal, two); }
};

TEST(SynDetours, AreInstalledAndRemovedWhole) {
  Detoured detoured;
  {
    const auto made = detoured.install();
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_TRUE((*made)->verify());
    const auto& state = detoured.host.state;
    EXPECT_EQ(state.nft_tables.size(), 1U);
    EXPECT_EQ(state.rules.size(), detoured.before.rules.size() + 4);  // of each, a family each
    ASSERT_EQ(state.routes.size(), 4U);
    EXPECT_EQ(state.routes[0].via, "dev one");
    EXPECT_EQ(state.routes[3].via, "dev two");
    EXPECT_NE(state.routes[0].table, state.routes[3].table);
    EXPECT_FALSE(read_journal(detoured.folder.journal->path()).value().undos.empty());
  }
  EXPECT_EQ(detoured.host.state, detoured.before);
  EXPECT_TRUE(detoured.folder.journal->is_empty());
}

TEST(SynDetours, EachMarkHasItsOwnWayAndNoTwoMarksAreOne) {
  Detoured detoured;
  const auto made = detoured.install();
  ASSERT_TRUE(made);
  const auto rules = detoured.host.rules(Family::v4).value();
  ASSERT_EQ(rules.size(), 4U);
  EXPECT_NE(rules[1].mark, rules[2].mark);
  EXPECT_NE(rules[1].table, rules[2].table);
  EXPECT_EQ(rules[1].preference, 32765U);
  const std::string& body = detoured.host.state.nft_tables.begin()->second;
  EXPECT_NE(body.find("== 0x11000000"), std::string::npos);
  EXPECT_NE(body.find("== 0x12000000"), std::string::npos);
}

TEST(SynDetours, MarksOfSocketsAreNotTakenAgain) {
  Detoured detoured;
  const std::vector<SynDetour> first_ones = {{0x01000000, "one"}, {0x02000000, "two"}};
  const auto made = SynDetours::install(detoured.host, *detoured.folder.journal, first_ones);
  ASSERT_TRUE(made) << made.error().message;
  for (const PolicyRule& rule : detoured.host.state.rules) {
    EXPECT_NE(rule.mark, 0x01000000U);
    EXPECT_NE(rule.mark, 0x02000000U);
  }
}

TEST(SynDetours, WhicheverStepFailsTheHostIsAsItWas) {
  int steps = 0;
  {
    Detoured detoured;
    ASSERT_TRUE(detoured.install());
    steps = detoured.host.changes / 2;  // half of them take it back
  }
  ASSERT_EQ(steps, 9);
  for (int failing = 1; failing <= steps; ++failing) {
    Detoured detoured;
    detoured.host.failing_change = failing;
    const auto made = detoured.install();
    ASSERT_FALSE(made) << failing;
    EXPECT_NE(made.error().message.find("--configure host"), std::string::npos);
    EXPECT_EQ(detoured.host.state, detoured.before) << failing;
    EXPECT_TRUE(detoured.folder.journal->is_empty());
  }
}

TEST(SynDetours, WhatSomeoneTookAwayIsNoticed) {
  Detoured detoured;
  const auto made = detoured.install();
  ASSERT_TRUE(made);
  const FakeHostState whole = detoured.host.state;
  detoured.host.state.rules.pop_back();
  EXPECT_FALSE((*made)->verify());
  detoured.host.state = whole;
  detoured.host.state.routes.pop_back();
  EXPECT_FALSE((*made)->verify());
  detoured.host.state = whole;
  detoured.host.state.nft_tables.clear();
  EXPECT_FALSE((*made)->verify());
  detoured.host.state = whole;
  EXPECT_TRUE((*made)->verify());
}

TEST(SynDetours, AHostWithoutIPv6HasThemForIPv4) {
  Detoured detoured;
  detoured.host.without_v6 = true;
  const auto made = detoured.install();
  ASSERT_TRUE(made);
  EXPECT_EQ(detoured.host.state.routes.size(), 2U);
}

}  // namespace
}  // namespace spiderling
