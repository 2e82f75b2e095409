#include "app/plugin_reference.h"

#include <fmt/format.h>

#include "plugins/descriptions.h"
#include "spiderling/option_list.h"

namespace spiderling::app {

namespace {

std::string row(std::string_view name, std::string_view second, std::string_view meaning) {
  return fmt::format("| `{}` | {} | {} |\n", name, second, meaning);
}

std::string fields_of(const ChainDescription& chain) {
  if (chain.fields.empty()) return "It has no fields.\n";
  std::string text = "| field | type | meaning |\n|---|---|---|\n";
  for (const Field& field : chain.fields) text += row(field.name, type_of(field), field.meaning);
  return text;
}

std::string handlers_of(const ChefDescription& chef) {
  std::string text;
  if (chef.has_packet_handler) text += "packets";
  if (chef.has_interval_handler) text += text.empty() ? "intervals" : ", intervals";
  text = fmt::format("Handlers: {}.", text.empty() ? "none" : text);
  if (chef.filter != nullptr && *chef.filter != '\0') text += fmt::format(" Filter: `{}`.", chef.filter);
  if (!chef.assignable_to_kitchen) text += " A base of others: no kitchen takes it on.";
  return text + "\n";
}

std::string options_of(Measurement& measurement) {
  OptionList list;
  measurement.options(list);
  if (list.options().empty()) return {};
  std::string text = "\n| option | meaning |\n|---|---|\n";
  for (const OptionList::Option& option : list.options())
    text += fmt::format("| `--{}` | {} |\n", option.name, option.meaning);
  return text;
}

std::string asked_by(const MeasurementDescription& m) {
  std::string text;
  for (const ConnectMode mode : m.connect_supported)
    text += fmt::format("{}`{}`", text.empty() ? "Connections (`--connect`): " : ", ", name_of(mode));
  if (!text.empty()) text += ".";
  for (const char* chain : m.chains)
    text += fmt::format("{}`{}`",
                        chain == m.chains.front() ? (text.empty() ? "Chains: " : " Chains: ") : ", ", chain);
  if (!m.chains.empty()) text += ".";
  return text.empty() ? text : text + "\n\n";
}

std::string conditions_of(const MeasurementDescription& m) {
  if (m.conditions.empty()) return "It declares no conditions.\n";
  std::string text = "| condition | when |\n|---|---|\n";
  for (const ConditionMeaning& condition : m.conditions)
    text += fmt::format("| `{}` | {} |\n", condition.name, condition.meaning);
  return text;
}

// Its options are known to an object only, and a plugin's constructor may throw.
std::string measurement_reference(const MeasurementDescription& m) {
  std::string options;
  try {
    options = options_of(*m.create());
  } catch (const std::exception& problem) {
    options = fmt::format("\nIts options are not known: it cannot be made ({}).\n", problem.what());
  }
  return asked_by(m) + conditions_of(m) + options;
}

std::string heading_of(PluginKind kind, std::string_view name, std::string_view about) {
  return fmt::format("## {} {}\n\n{}{}", name_of(kind), name, about, about.empty() ? "" : "\n\n");
}

std::string_view description_of(const FoundPlugin& found) {
  const void* description = found.plugin->description();
  switch (found.plugin->kind) {
    case PluginKind::chain: return static_cast<const ChainDescription*>(description)->description;
    case PluginKind::measurement: return static_cast<const MeasurementDescription*>(description)->description;
    case PluginKind::chef: break;
  }
  return {};
}

}  // namespace

std::string type_of(const Field& field) {
  const auto name = [&]() -> std::string {
    switch (field.type) {
      case FieldType::boolean: return "bool";
      case FieldType::u8:
      case FieldType::u16:
      case FieldType::u32:
      case FieldType::u64:
      case FieldType::i64: return "int";
      case FieldType::f64: return "float";
      case FieldType::address: return "string";
      case FieldType::any: return "any";
    }
    return "";
  };
  return name() + (field.nullable ? " or null" : "");
}

std::string reference_of(const FoundPlugin& found, bool heading) {
  std::string text;
  if (heading) text = heading_of(found.plugin->kind, found.plugin->name, description_of(found));
  const void* description = found.plugin->description();
  switch (found.plugin->kind) {
    case PluginKind::chain: return text + fields_of(*static_cast<const ChainDescription*>(description));
    case PluginKind::chef: return text + handlers_of(*static_cast<const ChefDescription*>(description));
    case PluginKind::measurement:
      return text + measurement_reference(*static_cast<const MeasurementDescription*>(description));
  }
  return text;
}

std::string reference_of(const MeasurementDescription& measurement) {
  return heading_of(PluginKind::measurement, measurement.name, measurement.description) +
         measurement_reference(measurement);
}

std::string reference_of(const std::vector<const FoundPlugin*>& plugins) {
  std::string text =
      "# Reference\n\nMade by `spiderling plugins reference` from what the plugins say of themselves. A flow "
      "record also "
      "has `pkt_first` and\n`pkt_last`, seconds since the epoch; capital letters in a condition stand for a "
      "value.\n";
  for (const FoundPlugin* one : plugins) text += fmt::format("\n{}", reference_of(*one, true));
  return text;
}

}  // namespace spiderling::app
