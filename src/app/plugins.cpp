// spiderling plugins: what there is to load, and what each of them does.
#include <algorithm>

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

struct Options {
  std::string kind;
  bool json = false;
  std::string name;
};

std::string file_of(const FoundPlugin& found) { return found.file.empty() ? "built in" : found.file; }

// A chain, a chef and a measurement may have one name.
std::vector<const FoundPlugin*> named(const Registry& registry, const Options& options) {
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

// By their files alone: nothing of them is loaded.
void print_python() {
  const std::vector<PythonPluginModule> modules = find_python_plugins();
  if (modules.empty()) return;
  fmt::print("\nMeasurements in Python, as `measure --help` has them, in:\n");
  for (const PythonPluginModule& one : modules) fmt::print("  {}\n", one.file.lexically_normal().string());
}

int list(const Arguments&, const Registry& registry, const Options& options) {
  const auto plugins = named(registry, options);
  if (options.json) {
    print_json(registry, plugins);
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
  if (options.kind.empty() || options.kind == name_of(PluginKind::measurement)) print_python();
  return success;
}

int show(const Arguments& arguments, const Registry& registry, const Options& options) {
  const auto plugins = named(registry, options);
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

int reference(const Arguments&, const Registry& registry, const Options& options) {
  fmt::print("{}", reference_of(named(registry, options)));
  return success;
}

}  // namespace

int plugins(const Arguments& arguments) {
  Options options;
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
