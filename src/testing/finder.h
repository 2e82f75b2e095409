// Plugins by name: those of the test program, then those that ship.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "base/nearest.h"
#include "plugins/registry.h"
#include "spiderling/plugin.h"

namespace spiderling::testing {

/// Throws std::invalid_argument, with the nearest names.
const ChefDescription& find_chef(std::string_view name, PluginList own);
const ChainDescription& find_chain(std::string_view name, PluginList own);
const MeasurementDescription& find_measurement(std::string_view name, PluginList own);

}  // namespace spiderling::testing
