// Plugins in shared objects.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "spiderling/plugin.h"

namespace spiderling {

/// The plugins of a shared object, which stays loaded for good. Error: it cannot be loaded, has no plugin, or
/// was built for another version of the plugin interface; names the file, and both versions.
Result<std::vector<const Plugin*>> load_shared_object(const std::string& path);

}  // namespace spiderling
