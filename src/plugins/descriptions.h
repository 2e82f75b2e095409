// What a plugin says of itself, checked before anything is built on it.
#pragma once

#include <string_view>

#include "base/error.h"
#include "spiderling/plugin.h"

namespace spiderling {

/// "chain", "chef", "measurement"; "plugin" for what this program does not know.
std::string_view name_of(PluginKind kind);

/// Error: a name that no command line can take, no description, a field that is not in its chain's state or
/// has no plain name. Runs the plugin's code.
Result<void> check_description(const Plugin& plugin);

}  // namespace spiderling
