#include "host/mark_choice.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <charconv>
#include <optional>
#include <string>

namespace spiderling {
namespace {

constexpr std::uint32_t lowest_mark = mark_mask & ~(mark_mask - 1);
constexpr std::uint32_t mark_values = mark_mask / lowest_mark;  // 1 to this, times the lowest

bool matches(const PolicyRule& rule, std::uint32_t mark) { return (mark & rule.mask) == rule.mark; }

// A rule that would send our packets another way than unmarked ones, or is meant for a mark that has ours in
// it.
bool minds(const PolicyRule& rule, std::uint32_t mark) {
  if (rule.mask == 0) return false;
  return matches(rule, mark) != matches(rule, 0) || (rule.mark & mark_mask) == mark;
}

/// What one line of the ruleset says about our bits.
struct UsedByNft {
  std::vector<std::uint32_t> marks;  // exactly these, of another spiderling
  std::uint32_t bits = 0;            // each of these
};

void note_number(std::uint32_t number, bool ours, UsedByNft& used) {
  const std::uint32_t part = number & mark_mask;
  if (part == 0 || part == mark_mask) return;  // a mask over all bits says nothing about one
  if (ours)
    used.marks.push_back(part);
  else
    used.bits |= part;
}

void note_numbers(std::string_view line, bool ours, UsedByNft& used) {
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (std::size_t at = 0; at < line.size();) {
    const bool starts_word =
        std::isdigit(static_cast<unsigned char>(line[at])) != 0 && (at == 0 || !is_word(line[at - 1]));
    if (!starts_word) {
      ++at;
      continue;
    }
    const bool hex = line.substr(at).starts_with("0x");
    const char* const begin = line.data() + at + (hex ? 2 : 0);
    std::uint32_t number = 0;
    const auto [end, fault] = std::from_chars(begin, line.data() + line.size(), number, hex ? 16 : 10);
    if (fault == std::errc{}) note_number(number, ours, used);
    at = std::max(at + 1, static_cast<std::size_t>(end - line.data()));
  }
}

// Sees only words: what nft prints has a line a rule, and `mark` in each that reads or sets one.
UsedByNft used_by_nft(std::string_view ruleset) {
  UsedByNft used;
  bool ours = false;
  const std::string our_table = fmt::format("table inet {}", nft_table_prefix);
  while (!ruleset.empty()) {
    const auto end = std::min(ruleset.find('\n'), ruleset.size());
    const auto line = ruleset.substr(0, end);
    ruleset.remove_prefix(std::min(end + 1, ruleset.size()));
    if (line.starts_with("table ")) ours = line.starts_with(our_table);
    if (line.find("mark") != std::string_view::npos) note_numbers(line, ours, used);
  }
  return used;
}

bool is_free(std::uint32_t mark, std::span<const PolicyRule> rules, const UsedByNft& used) {
  if ((mark & used.bits) != 0) return false;
  if (std::ranges::find(used.marks, mark) != used.marks.end()) return false;
  return std::ranges::none_of(rules, [&](const PolicyRule& rule) { return minds(rule, mark); });
}

std::string who_uses_them(std::span<const PolicyRule> rules, const UsedByNft& used) {
  std::string who;
  for (const PolicyRule& rule : rules) {
    if (rule.protocol == our_protocol || (rule.mask & mark_mask) == 0) continue;
    who = fmt::format("`ip rule` {} asks for {:#x}/{:#x}", rule.preference, rule.mark, rule.mask);
  }
  if (used.bits != 0)
    who += fmt::format("{}nft rules use the bits {:#x}", who.empty() ? "" : ", ", used.bits);
  if (who.empty()) who = "other measurements";
  return who;
}

}  // namespace

Result<std::vector<std::uint32_t>> choose_marks(std::size_t count, std::span<const PolicyRule> rules,
                                                std::string_view nft_ruleset) {
  if (count > most_marks)
    return error("{} packet marks at once are more than the {} there can be", count, most_marks);
  const UsedByNft used = used_by_nft(nft_ruleset);
  std::vector<std::uint32_t> chosen;
  for (std::uint32_t value = 1; value <= mark_values && chosen.size() < count; ++value) {
    const std::uint32_t mark = value * lowest_mark;
    if (is_free(mark, rules, used)) chosen.push_back(mark);
  }
  if (chosen.size() < count)
    return error("this host already uses the packet marks under {:#x} that measurements need: {}", mark_mask,
                 who_uses_them(rules, used));
  return chosen;
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

}  // namespace spiderling
