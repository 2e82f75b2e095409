#include "host/syn_detours.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "host/mark_choice.h"

namespace spiderling {
namespace {

std::string fresh_detour_name() {
  static std::atomic<unsigned> count = 0;
  return fmt::format("{}{}_syn_{}", nft_table_prefix, ::getpid(), ++count);
}

std::string nft_line(std::uint32_t from, std::uint32_t to, std::size_t number) {
  return fmt::format(
      "    meta mark & {0:#x} == {1:#x} tcp flags & (fin | syn | rst | ack) == syn meta mark set meta mark & "
      "{2:#x} | {3:#x} comment \"spiderling {4}\"\n",
      mark_mask, from, ~mark_mask, to, number);
}

std::size_t lines_in(std::string_view text) {
  constexpr std::string_view word = "comment \"spiderling ";
  std::size_t count = 0;
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

}  // namespace

Result<std::unique_ptr<SynDetours>> SynDetours::install(Host& host, Journal& journal,
                                                        std::span<const SynDetour> detours) {
  const auto lock = journal.lock();  // what is chosen as free must still be so when it is taken
  std::unique_ptr<SynDetours> made(new SynDetours(host, journal));
  auto done = made->make_plan(detours);
  if (done) done = made->apply();
  if (done) done = made->verify();
  if (done) return made;
  const auto undone = made->remove();
  std::string why = done.error().message;
  if (!undone.failed.empty()) why += "; and then " + undone.text();
  return error(
      "the SYNs of single sockets cannot be changed: {} (a measurement may ask for settings of the "
      "whole host: --configure host)",
      why);
}

SynDetours::~SynDetours() { remove(); }

UndoReport SynDetours::remove() { return journal_.undo(host_, std::exchange(entry_, 0)); }

Result<void> SynDetours::make_plan(std::span<const SynDetour> detours) {
  const auto ruleset = host_.nft_ruleset();
  if (!ruleset) return tl::unexpected(ruleset.error());
  auto taken = all_rules(host_);
  if (!taken) return tl::unexpected(taken.error());
  // Those of the sockets themselves may be named nowhere: as many more are asked for, and they are left out.
  auto marks = choose_marks(2 * detours.size(), *taken, *ruleset);
  if (!marks) return tl::unexpected(marks.error());
  std::erase_if(*marks, [&](std::uint32_t mark) {
    return std::ranges::find(detours, mark, &SynDetour::mark) != detours.end();
  });
  nft_name_ = fresh_detour_name();
  // Behind those of PacketMarks: what they do to a SYN is done before it goes its other way.
  nft_body_ = "  chain output {\n    type route hook output priority mangle + 6; policy accept;\n";
  for (std::size_t i = 0; i < detours.size(); ++i) {
    nft_body_ += nft_line(detours[i].mark, (*marks)[i], i);
    const auto table = free_table(host_, *taken);
    if (!table) return tl::unexpected(table.error());
    for (const Family family : families) {
      if (!host_.has_family(family)) continue;
      const auto of_family = host_.rules(family);
      if (!of_family) return tl::unexpected(of_family.error());
      const auto preference = preference_before_main(*of_family);
      if (!preference) return tl::unexpected(preference.error());
      PolicyRule rule;
      rule.family = family;
      rule.preference = *preference;
      rule.mark = (*marks)[i];
      rule.mask = mark_mask;
      rule.table = *table;
      rule.protocol = our_protocol;
      rules_.push_back(rule);
      taken->push_back(rule);
      ways_.push_back({family, detours[i].device, *table});
    }
  }
  nft_body_ += "  }\n";
  return {};
}

Result<void> SynDetours::apply() {
  std::vector<Undo> undos;
  for (const Way& way : ways_) undos.push_back(UndoRoutes{way.family, way.table});
  for (const PolicyRule& rule : rules_) undos.push_back(UndoRule{rule});
  undos.push_back(UndoNftTable{nft_name_});
  const auto entry = journal_.add(undos);
  if (!entry) return tl::unexpected(entry.error());
  entry_ = *entry;
  for (const Way& way : ways_) {
    if (auto added = host_.add_device_route(way.family, way.device, way.table); !added) return added;
  }
  for (const PolicyRule& rule : rules_) {
    if (auto added = host_.add_rule(rule); !added) return added;
  }
  return host_.add_nft_table(nft_name_, nft_body_);
}

Result<void> SynDetours::verify() const {
  const auto table = host_.nft_table(nft_name_);
  if (!table) return tl::unexpected(table.error());
  if (!*table || lines_in(**table) != lines_in(nft_body_))
    return error("the nft table {} is not as it was made", nft_name_);
  const auto now = all_rules(host_);
  if (!now) return tl::unexpected(now.error());
  for (const PolicyRule& rule : rules_) {
    if (std::ranges::find(*now, rule) == now->end())
      return error("the {} rule for mark {:#x} is not there", name_of(rule.family), rule.mark);
  }
  for (const Way& way : ways_) {
    const auto routes = host_.routes(way.family, way.table);
    if (!routes) return tl::unexpected(routes.error());
    if (routes->empty()) return error("the {} route into {} is not there", name_of(way.family), way.device);
  }
  return {};
}

}  // namespace spiderling
