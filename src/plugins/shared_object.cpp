#include "plugins/shared_object.h"

#include <dlfcn.h>

namespace spiderling {

Result<std::vector<const Plugin*>> load_shared_object(const std::string& path) {
  // Without a slash the name would be looked for in the system's library folders.
  const std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  void* handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = ::dlerror();
    return error("{}", reason == nullptr ? "cannot be loaded" : reason);
  }
  using List = PluginList (*)();
  const auto list = reinterpret_cast<List>(::dlsym(handle, "spiderling_plugin_list"));
  if (list == nullptr)
    return error("{}: no plugin of this program (it has no spiderling_plugin_list())", path);
  const PluginList found = list();
  std::vector<const Plugin*> plugins(found.begin, found.end);
  for (const Plugin* plugin : plugins) {
    if (plugin->api_version != plugin_api_version) {
      return error("{}: built for plugin interface {}, this program has {}: build it anew", path,
                   plugin->api_version, plugin_api_version);
    }
  }
  return plugins;
}

}  // namespace spiderling
