// What is different between two states of the firewall.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace spiderling {

/// Family and name of each table that is in one of two rulesets only, or not the same in both, but for tables
/// of ours. Rulesets as Host::nft_ruleset() gives them.
std::vector<std::string> changed_nft_tables(std::string_view before, std::string_view after);

}  // namespace spiderling
