#include "testing/finder.h"

namespace spiderling::testing {
namespace {

template <class Description>
const Description& find(const char* what, PluginKind kind, std::string_view name, PluginList own,
                        const std::vector<const Description*>& shipped) {
  std::vector<std::string_view> known;
  for (const Plugin* const* one = own.begin; one != own.end; ++one) {
    if ((*one)->kind != kind) continue;
    if ((*one)->api_version != plugin_api_version) {
      throw std::invalid_argument(
          fmt::format("{} '{}' was built for plugin interface {}, this test kit has {}: build it "
                      "anew",
                      what, (*one)->name, (*one)->api_version, plugin_api_version));
    }
    if ((*one)->name == name) return *static_cast<const Description*>((*one)->description());
    known.emplace_back((*one)->name);
  }
  for (const Description* one : shipped) {
    if (one->name == name) return *one;
    known.emplace_back(one->name);
  }
  throw std::invalid_argument(fmt::format("there is no {} '{}'; {}", what, name, did_you_mean(name, known)));
}

}  // namespace

const ChefDescription& find_chef(std::string_view name, PluginList own) {
  return find("chef", PluginKind::chef, name, own, Registry::built_in().chefs());
}
const ChainDescription& find_chain(std::string_view name, PluginList own) {
  const auto& found = find("chain", PluginKind::chain, name, own, Registry::built_in().chains());
  if (!found.fields_in_state)
    throw std::invalid_argument(fmt::format("chain '{}' declares a field outside its state", name));
  return found;
}
const MeasurementDescription& find_measurement(std::string_view name, PluginList own) {
  return find("measurement", PluginKind::measurement, name, own, Registry::built_in().measurements());
}

}  // namespace spiderling::testing
