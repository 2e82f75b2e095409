#include "base/nearest.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace spiderling {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  constexpr std::size_t longest = 64;  // of names; more is cut
  a = a.substr(0, longest);
  b = b.substr(0, longest);
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitution = a[i - 1] == b[j - 1] ? 0 : 1;
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + substitution});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

std::string did_you_mean(std::string_view name, std::span<const std::string_view> known) {
  struct Near {
    std::size_t distance;
    std::string_view name;
  };
  std::vector<Near> near;
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    const bool begins_alike = name.size() >= 2 && candidate.starts_with(name.substr(0, 2));
    if (distance <= std::max<std::size_t>(1, candidate.size() / 2) || begins_alike)
      near.push_back({distance, candidate});
  }
  if (near.empty()) return fmt::format("there are {}", fmt::join(known, ", "));
  std::ranges::stable_sort(near, {}, &Near::distance);
  near.resize(std::min<std::size_t>(near.size(), 3));
  std::string text = "did you mean ";
  for (std::size_t i = 0; i < near.size(); ++i) {
    if (i != 0) text += i + 1 == near.size() ? " or " : ", ";
    text += fmt::format("'{}'", near[i].name);
  }
  return text + "?";
}

}  // namespace spiderling
