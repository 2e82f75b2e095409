// spiderling plugins: what there is to load, and what each of them does.
#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include "app/command_line.h"
#include "app/plugin_options.h"
#include "app/plugin_reference.h"
#include "base/nearest.h"
#include "plugins/descriptions.h"
#include "plugins/python_measurements.h"

namespace spiderling::app {

namespace {

struct PluginsOptions {
  std::string kind;
  bool json = false;
  std::string name;
};

std::string file_of(const FoundPlugin& found) { return found.file.empty() ? "built in" : found.file; }

bool may_be_measurements(const PluginsOptions& options) {
  return options.kind.empty() || options.kind == name_of(PluginKind::measurement);
}

// A chain, a chef and a measurement may have one name.
std::vector<const FoundPlugin*> named(const Registry& registry, const PluginsOptions& options) {
  std::vector<const FoundPlugin*> found;
  for (const FoundPlugin& one : registry.plugins()) {
    if (!options.name.empty() && one.plugin->name != options.name) continue;
    if (!options.kind.empty() && name_of(one.plugin->kind) != options.kind) continue;
    found.push_back(&one);
  }
  return found;
}

void print_json(const Registry& registry, const std::vector<const FoundPlugin*>& plugins) {
  for (const FoundPlugin* one : plugins) {
    const boost::json::value line{
        {"kind", name_of(one->plugin->kind)},
        {"name", one->plugin->name},
        {"version", one->plugin->version},
        {"file", one->file.empty() ? boost::json::value() : boost::json::value(one->file)}};
    fmt::print("{}\n", boost::json::serialize(line));
  }
  for (const Refusal& refusal : registry.refused()) {
    const boost::json::value line{{"file", refusal.file}, {"refused", refusal.why}};
    fmt::print("{}\n", boost::json::serialize(line));
  }
}

std::string file_of(const PythonPluginModule& module) { return module.file.lexically_normal().string(); }

// By their files alone: nothing of them is loaded.
void print_python() {
  const std::vector<PythonPluginModule> modules = find_python_plugins();
  if (!modules.empty()) fmt::print("\nMeasurements in Python, as `measure --help` has them, in:\n");
  for (const PythonPluginModule& one : modules) fmt::print("  {}\n", file_of(one));
  if (const std::string why = why_current_folder_is_passed_over(); !why.empty())
    fmt::print("\nPassed over, with all plugins in Python of this folder:\n  {}\n", why);
}

void print_python_json() {
  for (const PythonPluginModule& one : find_python_plugins()) {
    const boost::json::value line{
        {"kind", "measurement"}, {"module", "pathspider.plugins." + one.name}, {"file", file_of(one)}};
    fmt::print("{}\n", boost::json::serialize(line));
  }
  if (const std::string why = why_current_folder_is_passed_over(); !why.empty()) {
    const boost::json::value line{{"file", "pathspider/plugins"}, {"refused", why}};
    fmt::print("{}\n", boost::json::serialize(line));
  }
}

// Nothing: there is none of this name.
std::optional<int> show_python(const Arguments& arguments, const Registry& registry,
                               const std::string& name) {
  const auto found = find_measurement(registry, name);
  if (!found) {
    fmt::print(stderr, "{}: {}\n", arguments.called_as, found.error().message);
    return bad_request;
  }
  if (*found == nullptr) return std::nullopt;
  const std::vector<PythonPluginModule> modules = find_python_plugins();
  const auto module = std::ranges::find(modules, name, &PythonPluginModule::name);
  fmt::print("{}It is in Python{}.\n", reference_of(**found),
             module == modules.end() ? "" : ", in " + file_of(*module));
  return success;
}

int list(const Arguments&, const Registry& registry, const PluginsOptions& options) {
  const auto plugins = named(registry, options);
  if (options.json) {
    print_json(registry, plugins);
    if (may_be_measurements(options)) print_python_json();
    return success;
  }
  std::size_t widest = 4;
  for (const FoundPlugin* one : plugins)
    widest = std::max(widest, std::string_view(one->plugin->name).size());
  fmt::print("{:<11}  {:<{}}  {:<8}  {}\n", "KIND", "NAME", widest, "VERSION", "FILE");
  for (const FoundPlugin* one : plugins) {
    fmt::print("{:<11}  {:<{}}  {:<8}  {}\n", name_of(one->plugin->kind), one->plugin->name, widest,
               *one->plugin->version == '\0' ? "-" : one->plugin->version, file_of(*one));
  }
  if (!registry.refused().empty()) fmt::print("\nPassed over:\n");
  for (const Refusal& refusal : registry.refused()) fmt::print("  {}\n", refusal.why);
  if (may_be_measurements(options)) print_python();
  return success;
}

int show(const Arguments& arguments, const Registry& registry, const PluginsOptions& options) {
  const auto plugins = named(registry, options);
  if (plugins.empty() && may_be_measurements(options)) {
    if (const auto shown = show_python(arguments, registry, options.name)) return *shown;
  }
  if (plugins.empty()) {
    std::vector<std::string_view> names;
    for (const FoundPlugin& one : registry.plugins()) names.emplace_back(one.plugin->name);
    fmt::print(stderr, "{}: there is no plugin '{}'; {} ({} lists all)\n", arguments.called_as, options.name,
               did_you_mean(options.name, names), arguments.called_as);
    return bad_request;
  }
  for (const FoundPlugin* one : plugins) {
    if (one != plugins.front()) fmt::print("\n");
    const std::string readme = registry.readme(*one);
    if (!readme.empty()) fmt::print("{}{}\n", readme, readme.back() == '\n' ? "" : "\n");
    fmt::print("{}", reference_of(*one, readme.empty()));
    fmt::print("It is {}.\n", one->file.empty() ? "built in" : "in " + one->file);
  }
  return success;
}

int reference(const Arguments&, const Registry& registry, const PluginsOptions& options) {
  fmt::print("{}", reference_of(named(registry, options)));
  return success;
}

}  // namespace

int plugins(const Arguments& arguments) {
  PluginsOptions options;
  CLI::App cli(
      "What can be run over packets and targets: chains, chefs and measurements, built in and loaded.",
      arguments.called_as);
  cli.footer(
      "Examples:\n  spiderling plugins\n  spiderling plugins show ecn\n"
      "  spiderling plugins reference > reference.md\n"
      "They are looked for in the folders of --plugin-dir and SPIDERLING_PLUGIN_PATH, and in\n" +
      [] {
        std::string folders;
        for (const std::string& folder : usual_plugin_folders()) folders += "  " + folder + "\n";
        return folders;
      }() +
      "Exit status: 0 done, 2 nothing was done.");
  const auto add_kind = [&](CLI::App* command) {
    command->add_option("--kind", options.kind, "Only these: chain, chef, measurement")
        ->check(CLI::IsMember({"chain", "chef", "measurement"}))
        ->type_name("KIND");
  };
  add_kind(&cli);
  cli.add_flag("--json", options.json, "One JSON object a plugin, and one for each that was passed over");
  add_plugin_options(cli);
  CLI::App* showing =
      cli.add_subcommand("show", "What one of them does: its README, fields, conditions, options");
  showing->add_option("NAME", options.name, "Its name")->required();
  add_kind(showing);
  CLI::App* referring = cli.add_subcommand(
      "reference", "The fields of all chains, and conditions and options of all measurements, as Markdown");
  add_kind(referring);
  if (const auto exit = parse_command_line(cli, arguments)) return *exit;
  auto registry = Registry::find(arguments.plugins);
  if (!registry) {
    fmt::print(stderr, "{}: {}\n", arguments.called_as, registry.error().message);
    return bad_request;
  }
  if (showing->parsed()) return show(arguments, *registry, options);
  if (referring->parsed()) return reference(arguments, *registry, options);
  return list(arguments, *registry, options);
}

}  // namespace spiderling::app
