// Plugins on command lines: where to look for more of them than are built in.
#pragma once

#include "app/command.h"
#include "base/error.h"
#include "plugins/registry.h"

namespace CLI {
class App;
}

namespace spiderling::app {

/// Takes --plugin FILE and --plugin-dir DIR out of the words, up to a `--`: plugins add to command lines, so
/// they are found before a command line is read. Error: one of them without its value.
Result<PluginSearch> take_plugin_words(std::vector<std::string>& words);

/// So that --help tells of them.
void add_plugin_options(CLI::App& cli);

/// What is built in and what is found. What had to be passed over is said on standard error, a line each.
/// Error: a file that was named cannot be loaded, or a folder not read.
Result<Registry> find_plugins(const Arguments& arguments);
/// On standard error, a line each.
void say_refused(const Arguments& arguments, const std::vector<Refusal>& refused);

}  // namespace spiderling::app
