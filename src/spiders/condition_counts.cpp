#include "spiders/condition_counts.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

namespace spiderling {
namespace {

/// Longer ones are cut: a value may come from a peer.
constexpr std::size_t longest_condition = 200;
constexpr std::string_view others_label = "(others)";
constexpr std::string_view heading = "condition";
constexpr std::string_view bold = "\033[1m", faint = "\033[2m", plain = "\033[0m";

// Names are of plain words; whatever else a plugin puts there must not steer a terminal.
bool is_printable(char c) { return c > 0x20 && c < 0x7f; }

struct Row {
  std::string_view aspect;  ///< with the point behind it; printed faintly
  std::string_view state;
  std::uint64_t count;
};

Row row_of(const ConditionCounts::Count& count) {
  const std::string_view condition = count.condition;
  std::size_t split = aspect_of(condition).size();
  if (split > 0) ++split;
  return {condition.substr(0, split), condition.substr(split), count.count};
}

void append_row(const Row& row, std::uint64_t jobs, std::size_t width, bool color, std::string& text) {
  const double share = jobs == 0 ? 0 : 100.0 * static_cast<double>(row.count) / static_cast<double>(jobs);
  const std::size_t used = row.aspect.size() + row.state.size();
  text += fmt::format("{}{}{}{}{:{}}  {:>9}  {:>5.1f} %\n", color ? faint : "", row.aspect,
                      color ? plain : "", row.state, "", width - used, row.count, share);
}

}  // namespace

std::string_view aspect_of(std::string_view condition) {
  const std::string_view name = condition.substr(0, condition.find(':'));
  const std::size_t point = name.rfind('.');
  return name.substr(0, point == std::string_view::npos ? 0 : point);
}

void ConditionCounts::add(std::span<const Condition> conditions) {
  ++jobs_;
  for (const Condition& condition : conditions) {
    key_ = condition.name;
    if (!condition.value.empty()) {
      key_ += ':';
      key_ += condition.value;
    }
    if (key_.size() > longest_condition) key_.resize(longest_condition);
    std::ranges::replace_if(
        key_, [](char c) { return !is_printable(c); }, '?');
    if (const auto known = counts_.find(key_); known != counts_.end()) {
      ++known->second;
    } else if (counts_.size() < most_) {
      counts_.emplace(key_, 1);
    } else {
      ++others_;
    }
  }
}

std::vector<ConditionCounts::Count> ConditionCounts::list() const {
  std::vector<Count> list;
  list.reserve(counts_.size());
  for (const auto& [condition, count] : counts_) list.push_back({condition, count});
  std::ranges::sort(list, [](const Count& a, const Count& b) {
    return std::tuple(aspect_of(a.condition), b.count, std::string_view(a.condition)) <
           std::tuple(aspect_of(b.condition), a.count, std::string_view(b.condition));
  });
  return list;
}

std::string ConditionCounts::table(bool color) const {
  const auto counts = list();
  if (counts.empty() && others_ == 0) return {};
  std::size_t width = std::max(heading.size(), others_label.size());
  for (const Count& count : counts) width = std::max(width, count.condition.size());
  std::string text = fmt::format("{}{:<{}}  {:>9}  {:>7}{}\n", color ? bold : "", heading, width, "jobs",
                                 "share", color ? plain : "");
  std::string_view aspect = counts.empty() ? "" : aspect_of(counts.front().condition);
  for (const Count& count : counts) {
    if (aspect_of(count.condition) != aspect) text += '\n';
    aspect = aspect_of(count.condition);
    append_row(row_of(count), jobs_, width, color, text);
  }
  if (others_ > 0) {
    if (!counts.empty()) text += '\n';
    append_row({"", others_label, others_}, jobs_, width, color, text);
  }
  return text;
}

}  // namespace spiderling
