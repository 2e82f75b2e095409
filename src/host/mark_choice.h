// Which marks are free on a host: those that neither its rules nor its nft tables look at.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "host/host.h"

namespace spiderling {

/// At most as many marks at once: more than any measurement has configurations.
constexpr std::size_t most_marks = 16;

/// `count` different values under `mark_mask` that change nothing about a packet on this host: no rule treats
/// it otherwise than an unmarked one, and no line of `nft list ruleset` about marks names one of its bits
/// (the tables of other spiderlings apart, which name whole marks). An error says who uses the bits.
Result<std::vector<std::uint32_t>> choose_marks(std::size_t count, std::span<const PolicyRule> rules,
                                                std::string_view nft_ruleset);

inline constexpr std::array families = {Family::v4, Family::v6};

/// Of both families.
Result<std::vector<PolicyRule>> all_rules(Host& host);

/// The number of a routing table of ours that has no route and that none of these rules names.
Result<std::uint32_t> free_table(Host& host, std::span<const PolicyRule> rules);

/// Just before the main table is asked, so that every other rule of the host is obeyed first. The kernel asks
/// rules of the same preference in the order in which they came. `rules` are those of one family.
Result<std::uint32_t> preference_before_main(std::span<const PolicyRule> rules);

}  // namespace spiderling
