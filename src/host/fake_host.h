// A Host in memory, for tests: what it is told it keeps, and it can be told to fail.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "host/host.h"

namespace spiderling {

/// Everything that can be compared before and after.
struct FakeHostState {
  std::map<std::string, std::string> sysctls;
  std::map<std::string, std::string> nft_tables;  ///< of `inet`: name to body
  std::string other_nft;                          ///< the text of everyone else's tables
  std::vector<PolicyRule> rules;
  std::vector<Route> routes;
  bool operator==(const FakeHostState&) const = default;
};

/// `state` is the host; the other members make it misbehave.
class FakeHost final : public Host, private Sysctls {
 public:
  FakeHostState state;
  /// The change of this number (from 1) fails and changes nothing; 0: none. `changes` counts them.
  int failing_change = 0;
  std::string unreachable_via;  ///< a gateway that no route can be made through any more
  int changes = 0;
  /// Settings that say yes to a write and keep their value.
  std::set<std::string> stubborn;
  /// nft tables lose their last line when made.
  bool forgets_nft_lines = false;
  bool without_v6 = false;
  /// Called after each change that was done.
  std::function<void()> after_change;

  /// With the rules that every host has.
  FakeHost() {
    for (const Family family : {Family::v4, Family::v6}) {
      state.rules.push_back({.family = family, .preference = 0, .table = 255, .protocol = 2});
      state.rules.push_back({.family = family, .preference = 32766, .table = main_table, .protocol = 2});
    }
  }

  void add_route_to_main(Family family, std::string destination, std::string via, bool usable = true) {
    state.routes.push_back({.family = family,
                            .table = main_table,
                            .protocol = 3,
                            .destination = std::move(destination),
                            .via = std::move(via),
                            .usable = usable,
                            .message = {}});
  }

  Sysctls& sysctls() override { return *this; }

  Result<std::string> nft_ruleset() override {
    std::string text = state.other_nft;
    for (const auto& [name, body] : state.nft_tables) text += table_text(name, body);
    return text;
  }
  Result<std::optional<std::string>> nft_table(const std::string& name) override {
    const auto found = state.nft_tables.find(name);
    if (found == state.nft_tables.end()) return std::optional<std::string>();
    return std::optional<std::string>(table_text(name, found->second));
  }
  Result<void> add_nft_table(const std::string& name, const std::string& body) override {
    if (state.nft_tables.contains(name)) return error("there is a table {} already", name);
    return change([&] {
      std::string kept = body;
      if (forgets_nft_lines && kept.size() > 1) kept.resize(kept.rfind('\n', kept.size() - 2) + 1);
      state.nft_tables[name] = kept;
    });
  }
  Result<void> remove_nft_table(const std::string& name) override {
    return change([&] { state.nft_tables.erase(name); });
  }

  bool has_family(Family family) override { return family == Family::v4 || !without_v6; }
  Result<std::vector<PolicyRule>> rules(Family family) override {
    std::vector<PolicyRule> found;
    std::ranges::copy_if(state.rules, std::back_inserter(found),
                         [&](const PolicyRule& rule) { return rule.family == family; });
    std::ranges::stable_sort(found, {}, &PolicyRule::preference);
    return found;
  }
  Result<void> add_rule(const PolicyRule& rule) override {
    return change([&] { state.rules.push_back(rule); });
  }
  Result<void> remove_rule(const PolicyRule& rule) override {
    return change([&] { std::erase(state.rules, rule); });
  }

  Result<std::vector<Route>> routes(Family family, std::uint32_t table) override {
    std::vector<Route> found;
    std::ranges::copy_if(state.routes, std::back_inserter(found),
                         [&](const Route& route) { return route.family == family && route.table == table; });
    return found;
  }
  Result<bool> table_is_used(std::uint32_t table) override {
    return std::ranges::any_of(state.routes, [&](const Route& route) { return route.table == table; });
  }
  Result<bool> add_ecn_copy(const Route& route, std::uint32_t table) override {
    if (route.via == unreachable_via) return false;
    const auto added = change([&] {
      Route copy = route;
      copy.table = table;
      copy.protocol = our_protocol;
      copy.ecn = true;
      state.routes.push_back(copy);
    });
    if (!added) return tl::unexpected(added.error());
    return true;
  }
  Result<void> add_device_route(Family family, const std::string& device, std::uint32_t table) override {
    return change([&] {
      state.routes.push_back({.family = family,
                              .table = table,
                              .protocol = our_protocol,
                              .destination = "default",
                              .via = "dev " + device,
                              .message = {}});
    });
  }
  Result<void> remove_route(const Route& route) override {
    return change([&] { std::erase(state.routes, route); });
  }
  /// Of the default route of the first table that a rule for this mark names.
  Result<bool> route_has_ecn(const std::string& address, std::uint32_t mark) override {
    const Family family = address.find(':') == std::string::npos ? Family::v4 : Family::v6;
    const auto ordered = rules(family);
    for (const PolicyRule& rule : *ordered) {
      if ((mark & rule.mask) != rule.mark) continue;
      for (const Route& route : state.routes)
        if (route.family == family && route.table == rule.table && route.destination == "default")
          return route.ecn;
    }
    return error("there is no route to {}", address);
  }

 private:
  Result<std::string> read(const std::string& name) override {
    const auto found = state.sysctls.find(name);
    if (found == state.sysctls.end()) return error("cannot read {}: this kernel has no such setting", name);
    return found->second;
  }
  Result<void> write(const std::string& name, const std::string& value) override {
    if (!state.sysctls.contains(name)) return error("cannot write {}: this kernel has no such setting", name);
    return change([&] {
      if (!stubborn.contains(name)) state.sysctls[name] = value;
    });
  }

  static std::string table_text(const std::string& name, const std::string& body) {
    return fmt::format("table inet {} {{\n{}}}\n", name, body);
  }

  Result<void> change(const std::function<void()>& apply) {
    if (++changes == failing_change) return error("the test wants change {} to fail", changes);
    apply();
    if (after_change) after_change();
    return {};
  }
};

}  // namespace spiderling
