#include "plugins/python_measurements.h"

#include <algorithm>
#include <cstdlib>
#include <map>

#include <fmt/format.h>

#include "plugins/python_door.h"
#include "plugins/search.h"

namespace spiderling {

namespace {

namespace fs = std::filesystem;

// Of Debian's Python 3.11, in the order in which it looks.
constexpr const char* installed[] = {"/usr/local/lib/python3.11/dist-packages",
                                     "/usr/lib/python3/dist-packages", "/usr/lib/python3.11/dist-packages"};

std::vector<fs::path> folders_of(std::string_view python_path) {
  std::vector<fs::path> folders;
  if (why_current_folder_is_passed_over().empty()) folders.emplace_back(".");
  while (!python_path.empty()) {
    const auto end = std::min(python_path.find(':'), python_path.size());
    if (end > 0) folders.emplace_back(python_path.substr(0, end));
    python_path.remove_prefix(std::min(end + 1, python_path.size()));
  }
  folders.insert(folders.end(), std::begin(installed), std::end(installed));
  return folders;
}

// A file or a package; empty: neither.
std::string module_name(const fs::directory_entry& entry) {
  std::error_code none;
  std::string name = entry.path().filename().string();
  if (entry.is_directory(none)) return fs::exists(entry.path() / "__init__.py", none) ? name : "";
  if (!name.ends_with(".py")) return {};
  name.resize(name.size() - 3);
  return name;
}

// The package's own, for Python programs: classes of the native measurements, which are none in Python.
bool is_shipped(const fs::path& folder, const std::string& name) {
  std::error_code none;
  return Registry::built_in().measurement(name) != nullptr && fs::exists(folder / "_shipped.py", none);
}

std::string native_wins(std::string_view name, std::string_view where) {
  return fmt::format("{} is not used: there is a native measurement '{}'", where, name);
}

void add_all(const Registry& registry, PythonHost& host, FoundMeasurements& found) {
  std::vector<Error> problems;
  for (const MeasurementDescription* one : host.all_measurements(problems)) {
    const auto same = [&](const MeasurementDescription* other) {
      return std::string_view(other->name) == one->name;
    };
    if (registry.measurement(one->name) != nullptr) {
      found.notes.push_back(native_wins(one->name, fmt::format("'{}' of pathspider.plugins", one->name)));
    } else if (std::ranges::any_of(found.measurements, same)) {
      found.problems.push_back(fmt::format("pathspider.plugins has '{}' twice", one->name));
    } else {
      found.measurements.push_back(one);
    }
  }
  for (const Error& problem : problems) found.problems.push_back(problem.message);
}

}  // namespace

std::string why_current_folder_is_passed_over() {
  const fs::path folder = fs::path("pathspider") / "plugins";
  std::error_code none;
  if (!fs::exists(folder, none)) return {};
  for (const fs::path& path : {folder.parent_path(), folder}) {
    std::string why = why_not_trusted(path.string(), "name it with PYTHONPATH=.");
    if (!why.empty()) return why;
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, none)) {
    std::string why = why_not_trusted(entry.path().string(), "name it with PYTHONPATH=.");
    if (!why.empty()) return why;
  }
  return {};
}

std::vector<PythonPluginModule> find_python_plugins(std::string_view python_path) {
  std::map<std::string, fs::path> modules;
  for (const fs::path& folder : folders_of(python_path)) {
    std::error_code none;
    const fs::path plugins = folder / "pathspider" / "plugins";
    for (const fs::directory_entry& entry : fs::directory_iterator(plugins, none)) {
      const std::string name = module_name(entry);
      if (name.empty() || name[0] == '_' || is_shipped(plugins, name)) continue;
      modules.try_emplace(name, entry.path());
    }
  }
  std::vector<PythonPluginModule> list;
  for (const auto& [name, file] : modules) list.push_back({name, file});
  return list;
}

std::vector<PythonPluginModule> find_python_plugins() {
  const char* path = std::getenv("PYTHONPATH");
  return find_python_plugins(path == nullptr ? "" : path);
}

FoundMeasurements find_measurements(const Registry& registry, const std::vector<std::string>& words) {
  FoundMeasurements found;
  found.measurements = registry.measurements();
  if (std::string why = why_current_folder_is_passed_over(); !why.empty())
    found.problems.push_back(std::move(why));
  const std::vector<PythonPluginModule> modules = find_python_plugins();
  if (modules.empty()) return found;
  const auto module_of = [&](const std::string& word) {
    return std::ranges::find(modules, word, &PythonPluginModule::name);
  };
  const auto named = std::ranges::find_if(words, [&](const std::string& word) {
    return registry.measurement(word) != nullptr || module_of(word) != modules.end();
  });
  if (named != words.end() && registry.measurement(*named) != nullptr) {
    if (const auto module = module_of(*named); module != modules.end())
      found.notes.push_back(native_wins(*named, module->file.lexically_normal().string()));
    return found;
  }
  const auto host = python_host();
  if (!host) {
    found.problems.push_back(host.error().message);
    return found;
  }
  if (named != words.end()) {
    const auto one = (*host)->load_measurement(*named);
    if (!one) found.problems.push_back(one.error().message);
    if (one && *one != nullptr) {
      found.measurements.push_back(*one);
      return found;
    }
    if (!one) return found;
  }
  add_all(registry, **host, found);
  return found;
}

Result<const MeasurementDescription*> find_measurement(const Registry& registry, const std::string& name) {
  if (const MeasurementDescription* one = registry.measurement(name)) return one;
  if (find_python_plugins().empty()) return nullptr;
  const auto host = python_host();
  if (!host) return tl::unexpected(host.error());
  return (*host)->load_measurement(name);
}

}  // namespace spiderling
