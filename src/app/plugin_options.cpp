#include "app/plugin_options.h"

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace spiderling::app {

namespace {

constexpr std::string_view file_option = "--plugin";
constexpr std::string_view folder_option = "--plugin-dir";

}  // namespace

Result<PluginSearch> take_plugin_words(std::vector<std::string>& words) {
  PluginSearch search;
  std::vector<std::string> others;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--") {
      others.insert(others.end(), words.begin() + static_cast<std::ptrdiff_t>(i), words.end());
      break;
    }
    const std::string_view word = words[i];
    const std::string_view option = word.substr(0, word.find('='));
    if (option != file_option && option != folder_option) {
      others.push_back(words[i]);
      continue;
    }
    auto& values = option == file_option ? search.files : search.folders;
    if (word.size() > option.size()) {
      values.emplace_back(word.substr(option.size() + 1));
    } else {
      if (i + 1 == words.size()) return error("{} wants a value (--help tells the options)", option);
      values.push_back(words[++i]);
    }
    if (values.back().empty()) return error("{} wants a value (--help tells the options)", option);
  }
  words = std::move(others);
  return search;
}

void add_plugin_options(CLI::App& cli) {
  auto* group = cli.add_option_group("Plugins");
  group->add_option("--plugin", "Load the plugins of this shared object; repeatable")->type_name("FILE");
  group
      ->add_option("--plugin-dir",
                   "Load all of this folder, before those of SPIDERLING_PLUGIN_PATH and the usual ones "
                   "(spiderling plugins lists them); repeatable")
      ->type_name("DIR");
}

Result<Registry> find_plugins(const Arguments& arguments) {
  auto registry = Registry::find(arguments.plugins);
  if (registry) say_refused(arguments, registry->refused());
  return registry;
}

void say_refused(const Arguments& arguments, const std::vector<Refusal>& refused) {
  for (const Refusal& refusal : refused)
    fmt::print(stderr, "{}: plugin passed over: {}\n", arguments.called_as, refusal.why);
}

}  // namespace spiderling::app
