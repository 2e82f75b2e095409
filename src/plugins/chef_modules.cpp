#include "plugins/chef_modules.h"

#include <algorithm>
#include <filesystem>

#include "base/nearest.h"
#include "plugins/python_door.h"
#include "plugins/search.h"
#include "plugins/shared_object.h"
#include "plugins/trial.h"

namespace spiderling {

namespace {

// All else is Python's: a module's name, a path ending in .py, a folder.
bool is_shared_object(const std::string& name) {
  if (name.ends_with(".so")) return true;
  std::error_code ignored;
  return name.find('/') != std::string::npos && !name.ends_with(".py") &&
         !std::filesystem::is_directory(name, ignored);
}

ChefModule load_python_module(const std::string& name) {
  const auto python = python_host();
  if (!python) return {name, {}, python.error().message};
  ChefModule module = (*python)->load_chef_module(name);
  if (module.problem.empty() && module.chefs.empty()) module.problem = "there is no chef in it";
  return module;
}

}  // namespace

ChefModule load_chef_module(const std::string& name, const std::vector<std::string>& folders) {
  ChefModule module{name, {}, {}};
  if (name == builtin_chef_module) {
    module.chefs = Registry::built_in().chefs();
    return module;
  }
  std::string file = name;
  if (!is_shared_object(name)) {
    std::vector<std::string> places{"."};
    places.insert(places.end(), folders.begin(), folders.end());
    file = find_module(name, places);
    if (file.empty()) return load_python_module(name);
  }
  if (std::string verdict = try_to_load({file}).front(); !verdict.empty()) {
    module.problem = std::move(verdict);
    return module;
  }
  const auto object = load_shared_object(file);
  if (!object) {
    module.problem = object.error().message;
    return module;
  }
  for (const Plugin* plugin : object->plugins) {
    if (plugin->kind == PluginKind::chef) {
      module.chefs.push_back(static_cast<const ChefDescription*>(plugin->description()));
    }
  }
  std::ranges::sort(module.chefs, {},
                    [](const ChefDescription* chef) { return std::string_view(chef->name); });
  if (module.chefs.empty()) module.problem = "there is no chef in it";
  return module;
}

std::vector<ChefModule> usual_chef_modules(const Registry& registry) {
  std::vector<ChefModule> modules{{std::string(builtin_chef_module), {}, {}}};
  for (const FoundPlugin& found : registry.plugins()) {
    if (found.plugin->kind != PluginKind::chef) continue;
    const std::string& name = found.file.empty() ? modules.front().name : found.file;
    auto module = std::ranges::find(modules, name, &ChefModule::name);
    if (module == modules.end()) module = modules.insert(module, {name, {}, {}});
    module->chefs.push_back(static_cast<const ChefDescription*>(found.plugin->description()));
  }
  return modules;
}

namespace {

bool is_called(const ChosenChef& candidate, const std::string& name) {
  return candidate.chef->name == name || candidate.full_name() == name;
}

Result<std::vector<ChosenChef>> all_chefs(const std::vector<ChefModule>& modules) {
  std::vector<ChosenChef> all;
  for (const ChefModule& module : modules) {
    if (!module.problem.empty()) return error("chef module {}: {}", module.name, module.problem);
    for (const ChefDescription* chef : module.chefs) {
      const auto twin = std::ranges::find(all, std::string_view(chef->name),
                                          [](const ChosenChef& c) { return std::string_view(c.chef->name); });
      if (twin != all.end() && twin->chef != chef) {
        return error("two chefs are called {}: {} and {}.{}", chef->name, twin->full_name(), module.name,
                     chef->name);
      }
      if (twin == all.end()) all.push_back({module.name, chef});
    }
  }
  return all;
}

}  // namespace

Result<std::vector<ChosenChef>> choose_chefs(const std::vector<ChefModule>& modules,
                                             const std::vector<std::string>& names,
                                             std::vector<std::string>& left_out) {
  const auto all = all_chefs(modules);
  if (!all) return all;
  for (const std::string& name : names) {
    if (std::ranges::any_of(*all, [&](const ChosenChef& c) { return is_called(c, name); })) continue;
    std::vector<std::string_view> known;
    for (const ChosenChef& candidate : *all) known.emplace_back(candidate.chef->name);
    return error("there is no chef '{}'; {} (--chef-list shows all)", name, did_you_mean(name, known));
  }
  std::vector<ChosenChef> chosen;
  for (const ChosenChef& candidate : *all) {
    const auto named = [&](const std::string& name) { return is_called(candidate, name); };
    if (!names.empty() && std::ranges::none_of(names, named)) continue;
    if (candidate.chef->assignable_to_kitchen)
      chosen.push_back(candidate);
    else
      left_out.push_back(candidate.full_name());
  }
  if (chosen.empty()) return error("there is no chef that a kitchen may take on (--chef-list shows all)");
  return chosen;
}

}  // namespace spiderling
