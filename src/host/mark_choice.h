// Which marks are free on a host: those that neither its rules nor its nft tables look at.
#pragma once

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

}  // namespace spiderling
