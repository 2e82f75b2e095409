#include "plugins/descriptions.h"

#include <algorithm>
#include <array>

#include "flows/chain_set.h"
#include "spiderling/chain.h"
#include "spiderling/chef.h"
#include "spiderling/measurement.h"

namespace spiderling {

namespace {

constexpr std::size_t longest_name = 64;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

// A word of a command line, of a file's name and of conditions.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= longest_name && is_letter(name.front()) &&
         std::ranges::all_of(name, [](char c) { return is_letter(c) || c == '-' || (c >= '0' && c <= '9'); });
}

Result<void> check_chain(const ChainDescription& chain) {
  if (!chain.fields_in_state)
    return error("chain {} declares a field that is no member of its state", chain.name);
  const std::array one{&chain};
  if (const auto set = ChainSet::make(one); !set) return tl::unexpected(set.error());
  return {};
}

Result<void> check_measurement(const MeasurementDescription& measurement) {
  if (measurement.description == nullptr || measurement.version == nullptr)
    return error("measurement {} has no description or no version", measurement.name);
  if (!measurement.create) return error("measurement {} cannot be made", measurement.name);
  return {};
}

}  // namespace

std::string_view name_of(PluginKind kind) {
  switch (kind) {
    case PluginKind::chain: return "chain";
    case PluginKind::chef: return "chef";
    case PluginKind::measurement: return "measurement";
  }
  return "plugin";
}

Result<void> check_description(const Plugin& plugin) {
  if (plugin.name == nullptr || !is_plain_name(plugin.name)) {
    return error("'{}' is no name of a {}: letters, digits, '-' and '_', at most {}",
                 plugin.name == nullptr ? "" : plugin.name, name_of(plugin.kind), longest_name);
  }
  const void* description = plugin.description == nullptr ? nullptr : plugin.description();
  if (description == nullptr) return error("{} {} has no description", name_of(plugin.kind), plugin.name);
  switch (plugin.kind) {
    case PluginKind::chain: return check_chain(*static_cast<const ChainDescription*>(description));
    case PluginKind::chef: return {};
    case PluginKind::measurement:
      return check_measurement(*static_cast<const MeasurementDescription*>(description));
  }
  return error("{} is of a kind that this program does not know ({})", plugin.name,
               static_cast<std::uint32_t>(plugin.kind));
}

}  // namespace spiderling
