#include "campaign/compare.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace spiderling {

namespace json = boost::json;

namespace {

constexpr std::size_t longest_value = 200;

// One line, whatever was in the file.
std::string shown(const json::value& value) {
  std::string text =
      value.is_string() ? std::string(std::string_view(value.get_string())) : json::serialize(value);
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  if (text.size() > longest_value) text = text.substr(0, longest_value) + "...";
  return text;
}

void compare_flow(std::size_t number, const json::object& then, const json::object& now,
                  const Differs& differs) {
  for (const auto& [name, value] : now) {
    const json::value* before = then.if_contains(name);
    if (before == nullptr) {
      differs(fmt::format("flow {}: {} is not in the result, {} from the packets", number,
                          std::string_view(name), shown(value)));
    } else if (*before != value) {
      differs(fmt::format("flow {}: {} is {} in the result, {} from the packets", number,
                          std::string_view(name), shown(*before), shown(value)));
    }
  }
  for (const auto& [name, value] : then) {
    if (!now.contains(name)) {
      differs(fmt::format("flow {}: {} is {} in the result, and does not come from the packets", number,
                          shown(json::value(name)), shown(value)));
    }
  }
}

}  // namespace

void compare_conditions(const json::array& then, const json::array& now, const Differs& differs) {
  json::array left = now;
  for (const json::value& condition : then) {
    const auto at = std::ranges::find(left, condition);
    if (at == left.end()) {
      differs(fmt::format("{} is in the result, and does not come from the packets", shown(condition)));
    } else {
      left.erase(at);
    }
  }
  for (const json::value& condition : left)
    differs(fmt::format("{} comes from the packets, and is not in the result", shown(condition)));
}

void compare_flows(const json::array& then, const json::array& now, const Differs& differs) {
  for (std::size_t i = 0; i < std::min(then.size(), now.size()); ++i)
    compare_flow(i, then[i].as_object(), now[i].as_object(), differs);
  if (then.size() != now.size())
    differs(fmt::format("{} flows are in the result, {} come from the packets", then.size(), now.size()));
}

}  // namespace spiderling
