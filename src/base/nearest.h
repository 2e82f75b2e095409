// "Did you mean": the names nearest to a misspelt one.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace spiderling {

/// Insertions, deletions, substitutions and swaps of neighbours that turn one text into the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// "did you mean 'tcp' or 'tcpopt'?": up to three names, nearest first; or all of them where none is near.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> known);

}  // namespace spiderling
