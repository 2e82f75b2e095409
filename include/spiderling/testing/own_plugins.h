// The plugins whose sources are linked into the test program.
#pragma once

#include "spiderling/plugin.h"

namespace spiderling::testing {

/// Those of the program that this is compiled into: the default of functions that find plugins by name.
///
///     const PluginList mine = own_plugins();
///     assert(mine.end - mine.begin == 1);
inline PluginList own_plugins() { return {__start_spiderling_plugins, __stop_spiderling_plugins}; }

}  // namespace spiderling::testing
