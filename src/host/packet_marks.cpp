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

constexpr std::size_t most_forged_ends = 1 << 20;  // at once; the kernel takes memory as they come
constexpr std::string_view what_still_works =
    "without marked packets, connections still work as the host is configured, and a measurement may ask for "
    "settings of the whole host";

template <class T>
Result<T> without_marks(const Error& why) {
  return error("packets of single sockets cannot be changed: {} ({})", why.message, what_still_works);
}

// --- nft ---

// Every line ends with a comment, by which it is found again when the table is read back.
std::string nft_comment(std::size_t number) { return fmt::format(" comment \"spiderling {}\"\n", number); }
std::string nft_line(std::uint32_t mark, std::string_view rule, std::size_t number) {
  return fmt::format("    meta mark & {:#x} == {:#x} {}{}", mark_mask, mark, rule, nft_comment(number));
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

// A lost SYN is sent again by the kernel without the option, its cookie and its data. Where it was given no
// cookie it asks the next time by the option of the experiment that came before (RFC 6994).
constexpr std::string_view retreat_from_fast_open =
    "tcp flags & (fin | syn | rst | ack) == syn tcp option fastopen missing tcp option 254 missing drop";

// The two ends of forged segments, remembered for a while, family by family.
struct ForgedEndsSet {
  std::string_view name;
  std::string_view address_type;
  std::string_view ends;
};
constexpr std::array forged_ends_sets = {
    ForgedEndsSet{"forged4", "ipv4_addr", "ip saddr . tcp sport . ip daddr . tcp dport"},
    ForgedEndsSet{"forged6", "ipv6_addr", "ip6 saddr . tcp sport . ip6 daddr . tcp dport"},
};

std::string forged_ends_to_remember() {
  std::string sets;
  for (const ForgedEndsSet& set : forged_ends_sets) {
    sets += fmt::format(
        "  set {} {{\n    type {} . inet_service . {} . inet_service\n    flags dynamic, timeout\n"
        "    timeout {}s\n    size {}\n  }}\n",
        set.name, set.address_type, set.address_type, quiet_for.count(), most_forged_ends);
  }
  return sets;
}

// A forged segment may be a reset itself: it is accepted before resets are looked at.
std::string resets_held_back(std::span<const MarkedChange> changes, std::span<const std::uint32_t> marks,
                             std::size_t& count) {
  std::string rules;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (!changes[i].forges_tcp) continue;
    for (const ForgedEndsSet& set : forged_ends_sets)
      rules += nft_line(marks[i], fmt::format("add @{} {{ {} }} accept", set.name, set.ends), count++);
  }
  for (const ForgedEndsSet& set : forged_ends_sets)
    rules +=
        fmt::format("    tcp flags & rst == rst {} @{} drop{}", set.ends, set.name, nft_comment(count++));
  return rules;
}

bool forges_tcp(const MarkedChange& change) { return change.forges_tcp; }
bool changes_nothing(const MarkedChange& change) {
  return change.ecn == EcnRequest::as_host && !change.forges_tcp && !change.keeps_fast_open &&
         !change.only_marked;
}

std::string nft_body(std::span<const MarkedChange> changes, std::span<const std::uint32_t> marks,
                     std::size_t& count) {
  const bool forging = std::ranges::any_of(changes, forges_tcp);
  // After the host's own changes of packets, so that these marks have the last word about these flags.
  std::string body = forging ? forged_ends_to_remember() : "";
  body += "  chain output {\n    type filter hook output priority mangle + 5; policy accept;\n";
  for (std::size_t i = 0; i < changes.size(); ++i) {
    for (const std::string_view rule : nft_rules_of(changes[i])) body += nft_line(marks[i], rule, count++);
    if (changes[i].keeps_fast_open) body += nft_line(marks[i], retreat_from_fast_open, count++);
  }
  if (forging) body += resets_held_back(changes, marks, count);
  return body + "  }\n";
}

// --- numbers that are free ---

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
    if (changes_nothing(changes[i])) marks_[i] = 0;
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

// What is added is removed at the end by its table: the journal needs no other word.
Result<void> PacketMarks::renew_routes() {
  for (const Family family : families) {
    if (table_ == 0 || !host_.has_family(family)) continue;
    if (verify_routes(family)) continue;
    const auto old = host_.routes(family, table_);
    if (!old) return tl::unexpected(old.error());
    for (const Route& route : *old) {
      if (auto removed = host_.remove_route(route); !removed) return removed;
    }
    std::erase_if(leading_nowhere_, [&](const Route& route) { return route.family == family; });
    if (auto copied = copy_routes(family); !copied) return copied;
    if (auto verified = verify_routes(family); !verified) return verified;
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
