#include "host/packet_marks.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <string_view>
#include <utility>

#include "host/mark_choice.h"

namespace spiderling {
namespace {

constexpr std::array families = {Family::v4, Family::v6};
constexpr std::string_view what_still_works =
    "without marked packets, connections still work as the host is configured, and a measurement may ask for "
    "settings of the whole host";

template <class T>
Result<T> without_marks(const Error& why) {
  return error("packets of single sockets cannot be changed: {} ({})", why.message, what_still_works);
}

// --- nft ---

// Every line ends with a comment, by which it is found again when the table is read back.
std::string nft_line(std::uint32_t mark, std::string_view rule, std::size_t number) {
  return fmt::format("    meta mark & {:#x} == {:#x} {} comment \"spiderling {}\"\n", mark_mask, mark, rule,
                     number);
}

// nft writes the byte of the flags as a whole (and puts the checksum right), so each line is for one
// combination. A SYN with reserved bits asks for more than RFC 3168 has (AccECN): they are cleared.
std::vector<std::string_view> nft_rules_of(const MarkedChange& change) {
  if (change.ecn == EcnRequest::on)
    return {"oifname != \"lo\" tcp flags & (fin | syn | rst | ack) == syn tcp flags set syn | ecn | cwr",
            "oifname != \"lo\" tcp flags & (fin | syn | rst | ack) == syn tcp reserved set 0"};
  if (change.ecn == EcnRequest::off)
    return {"tcp flags & (fin | syn | rst | ack) == syn tcp flags set syn",
            "tcp flags & (fin | syn | rst | ack) == syn tcp reserved set 0",
            // If a SYN/ACK grants what was never asked for, the kernel believes that it had asked.
            "tcp flags & (fin | syn | rst | psh | ack) == ack tcp flags set ack",
            "tcp flags & (fin | syn | rst | psh | ack) == psh | ack tcp flags set psh | ack",
            "tcp flags & (fin | syn | rst | psh | ack) == fin | ack tcp flags set fin | ack",
            "tcp flags & (fin | syn | rst | psh | ack) == fin | psh | ack tcp flags set fin | psh | ack",
            "meta l4proto tcp ip ecn set not-ect", "meta l4proto tcp ip6 ecn set not-ect"};
  return {};
}

std::string nft_body(std::span<const MarkedChange> changes, std::span<const std::uint32_t> marks,
                     std::size_t& count) {
  // After the host's own changes of packets, so that these marks have the last word about these flags.
  std::string body = "  chain output {\n    type filter hook output priority mangle + 5; policy accept;\n";
  for (std::size_t i = 0; i < changes.size(); ++i)
    for (const std::string_view rule : nft_rules_of(changes[i])) body += nft_line(marks[i], rule, count++);
  return body + "  }\n";
}

// --- numbers that are free ---

Result<std::uint32_t> free_table(Host& host, std::span<const PolicyRule> rules) {
  const auto start = static_cast<std::uint32_t>(::getpid());
  constexpr std::uint32_t attempts = 256;
  for (std::uint32_t i = 0; i < attempts; ++i) {
    const std::uint32_t table = first_table + (start + i) % table_count;
    if (std::ranges::find(rules, table, &PolicyRule::table) != rules.end()) continue;
    const auto used = host.table_is_used(table);
    if (!used) return tl::unexpected(used.error());
    if (!*used) return table;
  }
  return error("{} routing tables from {} on are all in use", attempts, first_table);
}

// Just before the main table is asked, so that every other rule of the host is obeyed first. The kernel asks
// rules of the same preference in the order in which they came.
Result<std::uint32_t> preference_before_main(std::span<const PolicyRule> rules) {
  for (const PolicyRule& rule : rules) {
    if (rule.table != main_table || rule.mask != 0 || rule.selective || rule.inverted) continue;
    if (rule.preference == 0) break;
    return rule.preference - 1;
  }
  return error(
      "no rule of this host sends all packets to the main routing table, whose routes are to be copied");
}

std::string fresh_nft_name() {
  static std::atomic<unsigned> count = 0;
  return fmt::format("{}{}_{}", nft_table_prefix, ::getpid(), ++count);
}

bool same_way(const Route& a, const Route& b) { return a.destination == b.destination && a.via == b.via; }

// --- what is where ---

std::size_t count_of(std::string_view text, std::string_view word) {
  std::size_t count = 0;
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + word.size()))
    ++count;
  return count;
}

Result<std::vector<PolicyRule>> all_rules(Host& host) {
  std::vector<PolicyRule> all;
  for (const Family family : families) {
    auto some = host.rules(family);
    if (!some) return tl::unexpected(some.error());
    std::ranges::move(*some, std::back_inserter(all));
  }
  return all;
}

bool asks_for_ecn(const MarkedChange& change) {
  return change.ecn == EcnRequest::on || change.ecn == EcnRequest::on_with_fallback;
}

}  // namespace

Result<std::unique_ptr<PacketMarks>> PacketMarks::install(Host& host, Journal& journal,
                                                          std::span<const MarkedChange> changes) {
  const auto lock = journal.lock();  // what is chosen as free must still be so when it is taken
  std::unique_ptr<PacketMarks> marks(new PacketMarks(host, journal));
  if (auto planned = marks->make_plan(changes); !planned)
    return without_marks<std::unique_ptr<PacketMarks>>(planned.error());
  auto done = marks->apply();
  if (done) done = marks->verify();
  if (!done) {
    const auto undone = marks->remove();
    if (!undone.failed.empty()) done.error().message += "; and then " + undone.text();
    return without_marks<std::unique_ptr<PacketMarks>>(done.error());
  }
  return marks;
}

PacketMarks::~PacketMarks() { remove(); }

UndoReport PacketMarks::remove() { return journal_.undo(host_, std::exchange(entry_, 0)); }

Result<void> PacketMarks::make_plan(std::span<const MarkedChange> changes) {
  const auto ruleset = host_.nft_ruleset();
  if (!ruleset) return tl::unexpected(ruleset.error());
  const auto rules = all_rules(host_);
  if (!rules) return tl::unexpected(rules.error());
  const auto chosen = choose_marks(changes.size(), *rules, *ruleset);
  if (!chosen) return tl::unexpected(chosen.error());
  marks_ = *chosen;
  for (std::size_t i = 0; i < changes.size(); ++i)
    if (changes[i].ecn == EcnRequest::as_host) marks_[i] = 0;
  nft_body_ = nft_body(changes, marks_, nft_rules_);
  if (nft_rules_ > 0) nft_name_ = fresh_nft_name();
  if (std::ranges::none_of(changes, asks_for_ecn)) return {};

  const auto table = free_table(host_, *rules);
  if (!table) return tl::unexpected(table.error());
  table_ = *table;
  for (const Family family : families) {
    if (!host_.has_family(family)) continue;
    const auto of_family = host_.rules(family);
    if (!of_family) return tl::unexpected(of_family.error());
    const auto preference = preference_before_main(*of_family);
    if (!preference) return tl::unexpected(preference.error());
    for (std::size_t i = 0; i < changes.size(); ++i) {
      if (!asks_for_ecn(changes[i])) continue;
      rules_.push_back({.family = family,
                        .preference = *preference,
                        .mark = marks_[i],
                        .mask = mark_mask,
                        .table = table_,
                        .protocol = our_protocol});
    }
  }
  return {};
}

Result<void> PacketMarks::apply() {
  std::vector<Undo> undos;
  for (const Family family : families)
    if (table_ != 0 && host_.has_family(family)) undos.emplace_back(UndoRoutes{family, table_});
  for (const PolicyRule& rule : rules_) undos.emplace_back(UndoRule{rule});
  if (!nft_name_.empty()) undos.emplace_back(UndoNftTable{nft_name_});
  if (undos.empty()) return {};
  const auto entry = journal_.add(undos);
  if (!entry) return tl::unexpected(entry.error());
  entry_ = *entry;

  for (const Family family : families) {
    if (table_ == 0 || !host_.has_family(family)) continue;
    if (auto copied = copy_routes(family); !copied) return copied;
  }
  for (const PolicyRule& rule : rules_) {
    if (auto added = host_.add_rule(rule); !added) return added;
  }
  return nft_name_.empty() ? Result<void>() : host_.add_nft_table(nft_name_, nft_body_);
}

Result<void> PacketMarks::copy_routes(Family family) {
  auto routes = host_.routes(family, main_table);
  if (!routes) return tl::unexpected(routes.error());
  std::erase_if(*routes, [](const Route& route) { return !route.usable; });
  // A gateway must be reachable when its route is made: the links' own routes, which have none, come first.
  std::stable_partition(routes->begin(), routes->end(), [](const Route& route) {
    return route.via.find("via ") == std::string::npos && route.via.find("hops ") == std::string::npos;
  });
  for (const Route& route : *routes) {
    const auto copied = host_.add_ecn_copy(route, table_);
    if (!copied) return tl::unexpected(copied.error());
    if (!*copied) leading_nowhere_.push_back(route);
  }
  return {};
}

Result<void> PacketMarks::verify() const {
  if (auto verified = verify_nft(); !verified) return verified;
  if (auto verified = verify_rules(); !verified) return verified;
  for (const Family family : families) {
    if (table_ == 0 || !host_.has_family(family)) continue;
    if (auto verified = verify_routes(family); !verified) return verified;
  }
  return {};
}

Result<void> PacketMarks::verify_nft() const {
  if (nft_name_.empty()) return {};
  const auto table = host_.nft_table(nft_name_);
  if (!table) return tl::unexpected(table.error());
  if (!*table) return error("the nft table {} is not there", nft_name_);
  const std::size_t found = count_of(**table, "comment \"spiderling ");
  if (found != nft_rules_)
    return error("the nft table {} has {} of the {} rules that it was made with", nft_name_, found,
                 nft_rules_);
  return {};
}

Result<void> PacketMarks::verify_rules() const {
  const auto now = all_rules(host_);
  if (!now) return tl::unexpected(now.error());
  for (const PolicyRule& rule : rules_) {
    if (std::ranges::find(*now, rule) == now->end())
      return error("the {} rule for mark {:#x} is not there", name_of(rule.family), rule.mark);
  }
  return {};
}

Result<void> PacketMarks::verify_routes(Family family) const {
  const auto main = host_.routes(family, main_table);
  if (!main) return tl::unexpected(main.error());
  const auto ours = host_.routes(family, table_);
  if (!ours) return tl::unexpected(ours.error());
  for (const Route& route : *main) {
    const auto is_this = [&](const Route& other) { return same_way(route, other); };
    if (!route.usable || std::ranges::any_of(leading_nowhere_, is_this)) continue;
    const auto copy = std::ranges::find_if(*ours, is_this);
    if (copy == ours->end())
      return error(
          "the {} route to {} ({}) has no copy with ECN: routes have changed since it was switched on",
          name_of(family), route.destination, route.via);
    if (!copy->ecn)
      return error("the copy of the {} route to {} does not have ECN", name_of(family), route.destination);
  }
  for (const Route& route : *ours) {
    if (std::ranges::none_of(*main, [&](const Route& other) { return same_way(route, other); }))
      return error("the {} route to {} ({}) is gone, but not its copy with ECN: routes have changed since",
                   name_of(family), route.destination, route.via);
  }
  return {};
}

Result<bool> PacketMarks::speaks_ecn_to(const std::string& address, std::size_t index) const {
  return host_.route_has_ecn(address, mark(index));
}

}  // namespace spiderling
