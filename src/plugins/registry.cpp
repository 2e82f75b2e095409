#include "plugins/registry.h"

#include <algorithm>
#include <stdexcept>

#include "base/nearest.h"
#include "plugins/python_chains.h"

namespace spiderling {

const Registry& Registry::built_in() {
  static const Registry registry = [] {
    const PluginList list = spiderling_plugin_list();
    return Registry(std::vector<const Plugin*>(list.begin, list.end));
  }();
  return registry;
}

Registry::Registry(const std::vector<const Plugin*>& plugins) {
  for (const Plugin* plugin : plugins) {
    if (plugin->kind == PluginKind::chef)
      chefs_.push_back(static_cast<const ChefDescription*>(plugin->description()));
    if (plugin->kind == PluginKind::measurement)
      measurements_.push_back(static_cast<const MeasurementDescription*>(plugin->description()));
    if (plugin->kind != PluginKind::chain) continue;
    const auto* chain = static_cast<const ChainDescription*>(plugin->description());
    if (!chain->fields_in_state) {
      throw std::logic_error(
          fmt::format("{}: chain {} declares a field outside its state", plugin->source_file, plugin->name));
    }
    chains_.push_back(chain);
  }
  std::ranges::sort(chains_, {}, [](const ChainDescription* chain) { return std::string_view(chain->name); });
  std::ranges::sort(chefs_, {}, [](const ChefDescription* chef) { return std::string_view(chef->name); });
  std::ranges::sort(measurements_, {},
                    [](const MeasurementDescription* one) { return std::string_view(one->name); });
}

Result<const ChainDescription*> Registry::chain(std::string_view name) const {
  const auto at =
      std::ranges::find(chains_, name, [](const auto* chain) { return std::string_view(chain->name); });
  if (at != chains_.end()) return *at;
  std::vector<std::string_view> names;
  for (const auto* known : chains_) names.emplace_back(known->name);
  return error("there is no chain '{}'; {} (--list-chains shows all)", name, did_you_mean(name, names));
}

Result<std::vector<const ChainDescription*>> Registry::chains(const std::vector<std::string>& names) const {
  std::vector<const ChainDescription*> found;
  for (const std::string& name : names) {
    const auto one = chain(name);
    if (one) {
      found.push_back(*one);
      continue;
    }
    const auto in_python = python_chains(name);
    if (!in_python) return tl::unexpected(one.error());
    if (!*in_python) return tl::unexpected(in_python->error());
    std::ranges::copy(**in_python, std::back_inserter(found));
  }
  return found;
}

}  // namespace spiderling
