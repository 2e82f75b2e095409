#include "app/measurement_options.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

namespace spiderling::app {

namespace {

template <class T>
bool is_empty_list(const T& value) {
  if constexpr (requires { value.empty(); }) return value.empty();
  return false;
}

void add_own_option(CLI::App& command, const OptionList::Option& own) {
  const std::string name = "--" + own.name;
  if (command.get_option_no_throw(name) != nullptr) return;
  const std::string names = own.also.empty() ? name : name + "," + own.also;
  std::visit(
      [&]<class T>(T* target) {
        if constexpr (std::is_same_v<T, bool>) {
          command.add_flag(names, *target, own.meaning);
        } else {
          auto* option = command.add_option(names, *target, own.meaning);
          if (!is_empty_list(*target)) option->capture_default_str();
          if constexpr (std::is_same_v<T, std::vector<std::string>>) {
            if (own.values > 0) option->type_size(own.values)->expected(-1);
          }
          if constexpr (std::is_same_v<T, std::int64_t> || std::is_same_v<T, std::vector<std::int64_t>>) {
            option->check(CLI::Range(own.least, own.most));
          }
        }
      },
      own.target);
}

}  // namespace

void add_own_options(CLI::App& command, Measurement& measurement) {
  OptionList own;
  measurement.options(own);
  for (const OptionList::Option& option : own.options()) add_own_option(command, option);
}

}  // namespace spiderling::app
