// Starting points for plugins: the files of templates/, with a name of the user's own in them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace spiderling::app {

/// A file of templates/KIND. In it and in its name `new_plugin` and `NewPlugin` stand for the plugin's name.
struct TemplateFile {
  std::string_view kind;  ///< "chef", "chain", "measurement", and with "_python" behind
  std::string_view name;  ///< with its folders
  std::string_view text;
};

/// Those that are embedded in the program, made by cmake/SpiderlingScenarios.cmake.
std::vector<TemplateFile> plugin_templates();

/// A plugin's name as it is written in C++ and on the command line.
struct PluginName {
  std::string snake;  ///< "my_chef": files, chains, measurements
  std::string camel;  ///< "MyChef": classes, and so chefs
  /// What users call it by.
  const std::string& of(std::string_view kind) const { return kind == "chef" ? camel : snake; }
};

/// "my_chef" or "MyChef". Error: not such a word, too long, or one that C++, CMake or the kit need
/// themselves.
Result<PluginName> parse_plugin_name(std::string_view text);

/// Error: a module or a class of Python cannot be called so, or would hide one of Python's own.
Result<void> check_python_name(const PluginName& name);

/// A file of the plugin: the template with the name put in.
struct FilledFile {
  std::string name;
  std::string text;
};
std::vector<FilledFile> fill_templates(std::string_view kind, const PluginName& name);

}  // namespace spiderling::app
