#include "campaign/own_options.h"

#include <algorithm>
#include <type_traits>
#include <variant>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>

namespace spiderling {

namespace json = boost::json;

namespace {

OptionList list_of(Measurement& measurement) {
  OptionList list;
  measurement.options(list);
  return list;
}

bool is_within(std::int64_t number, const OptionList::Option& option) {
  return number >= option.least && number <= option.most;
}

bool set(bool& target, const json::value& value, const OptionList::Option& /*option*/) {
  if (!value.is_bool()) return false;
  target = value.get_bool();
  return true;
}
bool set(std::string& target, const json::value& value, const OptionList::Option& /*option*/) {
  if (!value.is_string()) return false;
  target = std::string(std::string_view(value.get_string()));
  return true;
}
bool set(std::int64_t& target, const json::value& value, const OptionList::Option& option) {
  if (!value.is_int64() || !is_within(value.get_int64(), option)) return false;
  target = value.get_int64();
  return true;
}
bool set(std::vector<std::string>& target, const json::value& value, const OptionList::Option& option) {
  if (!value.is_array()) return false;
  std::vector<std::string> texts;
  for (const json::value& one : value.get_array()) {
    std::string text;
    if (!set(text, one, option)) return false;
    texts.push_back(std::move(text));
  }
  target = std::move(texts);
  return true;
}
bool set(std::vector<std::int64_t>& target, const json::value& value, const OptionList::Option& option) {
  if (!value.is_array()) return false;
  std::vector<std::int64_t> numbers;
  for (const json::value& one : value.get_array()) {
    std::int64_t number = 0;
    if (!set(number, one, option)) return false;
    numbers.push_back(number);
  }
  target = std::move(numbers);
  return true;
}

}  // namespace

json::object own_options(Measurement& measurement) {
  const OptionList list = list_of(measurement);
  json::object values;
  for (const OptionList::Option& option : list.options()) {
    std::visit([&](const auto* target) { values[option.name] = json::value_from(*target); }, option.target);
  }
  return values;
}

Result<void> set_own_options(Measurement& measurement, const json::object& values) {
  const OptionList list = list_of(measurement);
  for (const json::key_value_pair& given : values) {
    const json::string_view name = given.key();
    const json::value& value = given.value();
    const auto option = std::ranges::find(list.options(), std::string_view(name), &OptionList::Option::name);
    if (option == list.options().end())
      return error("the measurement has no option '{}'; was it another version of it?",
                   std::string_view(name));
    const bool taken = std::visit([&](auto* target) { return set(*target, value, *option); }, option->target);
    if (!taken) {
      return error("option '{}' of the measurement takes no {}", std::string_view(name),
                   json::serialize(value));
    }
  }
  return {};
}

}  // namespace spiderling
