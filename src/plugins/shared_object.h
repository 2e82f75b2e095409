// Plugins in shared objects.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "spiderling/plugin.h"

namespace spiderling {

/// The plugins of one shared object, which stays loaded for good.
struct LoadedObject {
  std::vector<const Plugin*> plugins;
  std::vector<const PluginReadme*> readmes;
};

/// What can be told of a file without running any of its code: it is there, readable, and a shared object for
/// this machine. Error: what it is instead, and what to do; names the file.
Result<void> check_shared_object(const std::string& path);

/// Error: it cannot be loaded, has no plugin, or was built for another version of the plugin interface or
/// with other libraries; names the file, what it was built for and what this program has. Runs the file's
/// code: see try_to_load().
Result<LoadedObject> load_shared_object(const std::string& path);

}  // namespace spiderling
