#include "host/packet_marks.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "host/fake_host.h"
#include "host/left_behind.h"
#include "host/test_journal_folder.h"

namespace spiderling {
namespace {

const std::vector<MarkedChange> off_and_on = {{EcnRequest::off}, {EcnRequest::on}};

struct Marked {
  JournalFolder folder;
  FakeHost host;
  FakeHostState before;

  Marked() {
    folder.open();
    host.add_route_to_main(Family::v4, "default", "via 10.0.0.1 dev 2");
    host.add_route_to_main(Family::v4, "10.0.0.0/24", "dev 2");
    host.add_route_to_main(Family::v4, "10.5.0.0/24", "dev 3", false);
    host.add_route_to_main(Family::v6, "default", "via fe80::1 dev 2");
    host.state.other_nft = "table inet firewall {\n}\n";
    before = host.state;
  }
  Result<std::unique_ptr<PacketMarks>> install(std::span<const MarkedChange> changes) {
    return PacketMarks::install(host, *folder.journal, changes);
  }
  std::size_t count_our_routes() const {
    return static_cast<std::size_t>(std::ranges::count(host.state.routes, our_protocol, &Route::protocol));
  }
};

TEST(PacketMarks, AreInstalledAndRemovedWhole) {
  Marked marked;
  {
    const auto marks = marked.install(off_and_on);
    ASSERT_TRUE(marks) << marks.error().message;
    EXPECT_NE((*marks)->mark(0), (*marks)->mark(1));
    EXPECT_EQ(marked.host.state.nft_tables.size(), 1U);
    EXPECT_EQ(marked.host.state.rules.size(), marked.before.rules.size() + 2);  // of `on`, a family each
    EXPECT_EQ(marked.count_our_routes(), 3U);                                   // the usable ones
    EXPECT_TRUE((*marks)->verify());
    EXPECT_TRUE((*marks)->speaks_ecn_to("192.0.2.1", 1).value());
    EXPECT_TRUE((*marks)->speaks_ecn_to("2001:db8::1", 1).value());
    EXPECT_FALSE((*marks)->speaks_ecn_to("192.0.2.1", 0).value());
    EXPECT_FALSE(read_journal(marked.folder.journal->path()).value().undos.empty());
  }
  EXPECT_EQ(marked.host.state, marked.before);
  EXPECT_TRUE(marked.folder.journal->is_empty());
}

TEST(PacketMarks, RulesStandJustBeforeTheMainTable) {
  Marked marked;
  const auto marks = marked.install(off_and_on);
  ASSERT_TRUE(marks);
  const auto rules = marked.host.rules(Family::v4).value();
  ASSERT_EQ(rules.size(), 3U);
  EXPECT_EQ(rules[1].mark, (*marks)->mark(1));
  EXPECT_EQ(rules[1].mask, mark_mask);
  EXPECT_EQ(rules[1].preference, 32765U);
  EXPECT_EQ(rules[2].table, main_table);
}

TEST(PacketMarks, OnlyWhatIsAskedForIsMade) {
  Marked marked;
  const std::vector<MarkedChange> nothing = {{EcnRequest::as_host}};
  {
    const auto marks = marked.install(nothing);
    ASSERT_TRUE(marks);
    EXPECT_EQ((*marks)->mark(0), 0U);
    EXPECT_EQ(marked.host.changes, 0);
  }
  const std::vector<MarkedChange> off = {{EcnRequest::off}};
  {
    const auto marks = marked.install(off);
    ASSERT_TRUE(marks);
    EXPECT_EQ(marked.host.state.rules, marked.before.rules);
    EXPECT_EQ(marked.host.state.routes, marked.before.routes);
    EXPECT_EQ(marked.host.state.nft_tables.size(), 1U);
  }
  const std::vector<MarkedChange> with_fallback = {{EcnRequest::on_with_fallback}};
  const auto marks = marked.install(with_fallback);
  ASSERT_TRUE(marks);
  EXPECT_TRUE(marked.host.state.nft_tables.empty());
  EXPECT_EQ(marked.count_our_routes(), 3U);
}

TEST(PacketMarks, ForgedSegmentsAreRememberedAndTheirResetsHeldBack) {
  Marked marked;
  const std::vector<MarkedChange> forging = {{EcnRequest::as_host, true}, {EcnRequest::as_host, true}};
  {
    const auto marks = marked.install(forging);
    ASSERT_TRUE(marks) << marks.error().message;
    EXPECT_NE((*marks)->mark(0), 0U);
    EXPECT_NE((*marks)->mark(1), (*marks)->mark(0));
    EXPECT_EQ(marked.host.state.rules, marked.before.rules) << "no packet takes another route";
    ASSERT_EQ(marked.host.state.nft_tables.size(), 1U);
    const std::string& table = marked.host.state.nft_tables.begin()->second;
    const auto first_drop = table.find("drop");
    ASSERT_NE(first_drop, std::string::npos);
    EXPECT_EQ(table.find("accept comment", first_drop), std::string::npos)
        << "what is forged is let through before resets are looked at";
    for (const char* set : {"@forged4 drop", "@forged6 drop"}) EXPECT_NE(table.find(set), std::string::npos);
    EXPECT_TRUE((*marks)->verify());
    marked.host.state.nft_tables.begin()->second.resize(table.find("tcp flags"));
    EXPECT_FALSE((*marks)->verify());
  }
  EXPECT_EQ(marked.host.state, marked.before);
}

TEST(PacketMarks, ARouteThatLeadsNowhereIsLeftOut) {
  Marked marked;
  marked.host.unreachable_via = "via fe80::1 dev 2";
  const auto marks = marked.install(off_and_on);
  ASSERT_TRUE(marks) << marks.error().message;
  EXPECT_EQ(marked.count_our_routes(), 2U);  // IPv4's
  EXPECT_TRUE((*marks)->verify());
  EXPECT_FALSE((*marks)->speaks_ecn_to("2001:db8::1", 1).value());
}

TEST(PacketMarks, AFailureAtAnyStepLeavesTheHostAsFound) {
  Marked all;
  { const auto marks = all.install(off_and_on); }
  const int steps = 6;  // three routes, two rules, one table
  ASSERT_EQ(all.host.changes, 2 * steps);
  for (int step = 1; step <= steps; ++step) {
    Marked marked;
    marked.host.failing_change = step;
    const auto marks = marked.install(off_and_on);
    ASSERT_FALSE(marks) << step;
    EXPECT_NE(marks.error().message.find("still work"), std::string::npos) << marks.error().message;
    EXPECT_EQ(marked.host.state, marked.before) << step;
    EXPECT_TRUE(marked.folder.journal->is_empty()) << step;
  }
}

TEST(PacketMarks, WhatCouldNotBeRemovedStaysInTheJournal) {
  Marked marked;
  {
    const auto marks = marked.install(off_and_on);
    ASSERT_TRUE(marks);
    marked.host.failing_change = marked.host.changes + 1;
  }
  EXPECT_FALSE(marked.folder.journal->is_empty());
  const auto left = read_journal(marked.folder.journal->path());
  EXPECT_TRUE(carry_out(marked.host, left->undos).failed.empty());
  EXPECT_EQ(marked.host.state, marked.before);
}

TEST(PacketMarks, AreReadBack) {
  Marked marked;
  marked.host.forgets_nft_lines = true;
  const std::vector<MarkedChange> off = {{EcnRequest::off}};
  // Its last line closes the chain; the one before is a rule.
  marked.host.after_change = [&] {
    for (auto& [name, body] : marked.host.state.nft_tables) body.resize(body.rfind("    meta"));
  };
  const auto marks = marked.install(off);
  ASSERT_FALSE(marks);
  EXPECT_NE(marks.error().message.find("7 of the 8"), std::string::npos) << marks.error().message;
  EXPECT_TRUE(marked.host.state.nft_tables.empty());
}

TEST(PacketMarks, VerifyNoticesWhatOthersDo) {
  Marked marked;
  const auto marks = marked.install(off_and_on);
  ASSERT_TRUE(marks && (*marks)->verify());
  const auto installed = marked.host.state;

  marked.host.add_route_to_main(Family::v4, "10.9.0.0/16", "via 10.0.0.2");
  EXPECT_NE((*marks)->verify().error().message.find("10.9.0.0/16"), std::string::npos);
  marked.host.state = installed;
  std::erase_if(marked.host.state.routes, [](const Route& route) { return route.table == main_table; });
  EXPECT_FALSE((*marks)->verify());
  marked.host.state = installed;
  std::erase_if(marked.host.state.rules,
                [](const PolicyRule& rule) { return rule.protocol == our_protocol; });
  EXPECT_FALSE((*marks)->verify());
  marked.host.state = installed;
  marked.host.state.nft_tables.clear();
  EXPECT_FALSE((*marks)->verify());
  marked.host.state = installed;
  for (Route& route : marked.host.state.routes) route.ecn = false;
  EXPECT_FALSE((*marks)->verify());
  marked.host.state = installed;
  EXPECT_TRUE((*marks)->verify());
}

TEST(PacketMarks, RoutesAreRenewedWhenTheHostsHaveChanged) {
  Marked marked;
  const auto marks = marked.install(off_and_on);
  ASSERT_TRUE(marks);
  const auto installed = marked.host.state;
  ASSERT_TRUE((*marks)->renew_routes());
  EXPECT_EQ(marked.host.state.routes, installed.routes) << "nothing has changed";

  // As after a link that was down: all routes through it are gone, ours too, and others came.
  std::erase_if(marked.host.state.routes, [](const Route& route) { return route.family == Family::v4; });
  marked.host.add_route_to_main(Family::v4, "default", "via 10.0.0.7 dev 2");
  marked.host.add_route_to_main(Family::v4, "10.0.0.0/24", "dev 2");
  EXPECT_FALSE((*marks)->verify());
  ASSERT_TRUE((*marks)->renew_routes());
  const auto verified = (*marks)->verify();
  EXPECT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(marked.count_our_routes(), 3u);
  // A host that has a route less.
  std::erase_if(marked.host.state.routes,
                [](const Route& route) { return route.family == Family::v6 && route.table == main_table; });
  ASSERT_TRUE((*marks)->renew_routes());
  EXPECT_TRUE((*marks)->verify());
  EXPECT_EQ(marked.count_our_routes(), 2u);
}

TEST(PacketMarks, TwoInstallationsShareNothing) {
  Marked marked;
  auto first = marked.install(off_and_on);
  auto second = marked.install(off_and_on);
  ASSERT_TRUE(first && second) << (second ? "" : second.error().message);
  for (const std::size_t i : {0U, 1U})
    for (const std::size_t j : {0U, 1U}) EXPECT_NE((*first)->mark(i), (*second)->mark(j));
  EXPECT_EQ(marked.host.state.nft_tables.size(), 2U);
  first->reset();
  EXPECT_TRUE((*second)->verify());
  second->reset();
  EXPECT_EQ(marked.host.state, marked.before);
}

TEST(PacketMarks, UsersOfTheBitsAreNotDisturbed) {
  Marked marked;
  marked.host.state.rules.push_back({.preference = 9, .mark = 0, .mask = mark_mask, .table = 9});
  EXPECT_FALSE(marked.install(off_and_on));
  EXPECT_EQ(marked.host.changes, 0);
}

TEST(PacketMarks, AKernelWithoutIPv6IsEnough) {
  Marked marked;
  marked.host.without_v6 = true;
  std::erase_if(marked.host.state.rules, [](const PolicyRule& rule) { return rule.family == Family::v6; });
  const auto marks = marked.install(off_and_on);
  ASSERT_TRUE(marks) << marks.error().message;
  EXPECT_EQ(marked.count_our_routes(), 2U);
}

TEST(PacketMarks, WithoutARuleForTheMainTableTheyAreRefused) {
  Marked marked;
  std::erase_if(marked.host.state.rules, [](const PolicyRule& rule) { return rule.table == main_table; });
  EXPECT_FALSE(marked.install(off_and_on));
  EXPECT_EQ(marked.host.changes, 0);
}

TEST(PacketMarks, OfFastOpenKeepTheKernelFromLeavingItOut) {
  Marked marked;
  MarkedChange fast_open;
  fast_open.keeps_fast_open = true;
  const std::vector<MarkedChange> changes = {{}, fast_open};
  {
    const auto marks = marked.install(changes);
    ASSERT_TRUE(marks) << marks.error().message;
    EXPECT_EQ((*marks)->mark(0), 0U);
    EXPECT_NE((*marks)->mark(1), 0U);
    ASSERT_EQ(marked.host.state.nft_tables.size(), 1U);
    const std::string& body = marked.host.state.nft_tables.begin()->second;
    EXPECT_NE(body.find("== syn tcp option fastopen missing tcp option 254 missing drop"), std::string::npos)
        << body;
    EXPECT_EQ(marked.host.state.rules, marked.before.rules);
    EXPECT_TRUE((*marks)->verify());
  }
  EXPECT_EQ(marked.host.state, marked.before);
}

TEST(PacketMarks, ThatAreForRulesOfOthersChangeNothing) {
  Marked marked;
  MarkedChange only_marked;
  only_marked.only_marked = true;
  const std::vector<MarkedChange> changes = {only_marked, only_marked};
  const auto marks = marked.install(changes);
  ASSERT_TRUE(marks) << marks.error().message;
  EXPECT_NE((*marks)->mark(0), 0U);
  EXPECT_NE((*marks)->mark(1), 0U);
  EXPECT_NE((*marks)->mark(0), (*marks)->mark(1));
  EXPECT_EQ(marked.host.state, marked.before);
}

}  // namespace
}  // namespace spiderling
