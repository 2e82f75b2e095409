#include "plugins/registry.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "base/nearest.h"
#include "plugins/descriptions.h"
#include "plugins/python_chains.h"
#include "plugins/shared_object.h"
#include "plugins/trial.h"

namespace spiderling {

namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t longest_readme = 1 << 20;  // bytes

std::string text_of(const fs::path& path) {
  std::error_code absent;
  const auto size = fs::file_size(path, absent);
  if (absent || size > longest_readme) return {};
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

const Registry& Registry::built_in() {
  static const Registry registry = [] {
    Registry made;
    made.take_built_in();
    made.sort();
    return made;
  }();
  return registry;
}

void Registry::take_built_in() {
  const PluginList list = spiderling_plugin_list();
  for (const Plugin* plugin : std::vector<const Plugin*>(list.begin, list.end)) {
    // What is linked in and wrong is a bug of ours, or of the one who linked it.
    if (const auto fine = check_description(*plugin); !fine)
      throw std::logic_error(fmt::format("{}: {}", plugin->source_file, fine.error().message));
    take(*plugin, {});
  }
  const PluginReadmeList readmes = spiderling_readme_list();
  readmes_.assign(readmes.begin, readmes.end);
}

Result<Registry> Registry::find(const PluginSearch& search) {
  Registry made;
  made.take_built_in();
  std::vector<std::string> folders = search.folders;
  for (std::string& usual : usual_plugin_folders()) folders.push_back(std::move(usual));
  if (auto there = check_named_folders(search.folders, made.refused_); !there)
    return tl::unexpected(there.error());
  if (auto loaded = made.load(search.files); !loaded) return tl::unexpected(loaded.error());
  made.load_folders(folders);
  made.sort();
  return made;
}

// What somebody named must be there.
Result<void> Registry::load(const std::vector<std::string>& files) {
  for (const std::string& verdict : try_to_load(files)) {
    if (!verdict.empty()) return tl::unexpected(Error{verdict});
  }
  const std::size_t refused_before = refused_.size();
  for (const std::string& file : files) take(file);
  if (refused_.size() > refused_before) return tl::unexpected(Error{refused_.back().why});
  return {};
}

void Registry::load_folders(const std::vector<std::string>& folders) {
  std::vector<std::string> files;
  for (const std::string& folder : folders) {
    for (std::string& file : shared_objects_in(folder, refused_)) {
      // The same file by two ways is one.
      std::error_code ignored;
      const auto same = [&](const auto& other) { return fs::equivalent(file, other, ignored); };
      const auto same_plugin = [&](const FoundPlugin& one) { return !one.file.empty() && same(one.file); };
      if (std::ranges::none_of(files, same) && std::ranges::none_of(plugins_, same_plugin))
        files.push_back(std::move(file));
    }
  }
  if (files.empty()) return;
  const std::vector<std::string> verdicts = try_to_load(files);
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (verdicts[i].empty())
      take(files[i]);
    else
      refused_.push_back({files[i], verdicts[i]});
  }
}

void Registry::take(const std::string& file) {
  const auto object = load_shared_object(file);
  if (!object) {
    refused_.push_back({file, object.error().message});
    return;
  }
  for (const Plugin* plugin : object->plugins) take(*plugin, file);
  readmes_.insert(readmes_.end(), object->readmes.begin(), object->readmes.end());
}

void Registry::take(const Plugin& plugin, const std::string& file) {
  const auto twin = std::ranges::find_if(plugins_, [&](const FoundPlugin& one) {
    return one.plugin->kind == plugin.kind && std::string_view(one.plugin->name) == plugin.name;
  });
  if (twin != plugins_.end()) {
    refused_.push_back(
        {file, fmt::format("{}: there is a {} '{}' already, {}: give this one another name",
                           file.empty() ? plugin.source_file : file, name_of(plugin.kind), plugin.name,
                           twin->file.empty() ? "built in" : "from " + twin->file)});
    return;
  }
  plugins_.push_back({&plugin, file});
  const void* description = plugin.description();
  switch (plugin.kind) {
    case PluginKind::chain: chains_.push_back(static_cast<const ChainDescription*>(description)); break;
    case PluginKind::chef: chefs_.push_back(static_cast<const ChefDescription*>(description)); break;
    case PluginKind::measurement:
      measurements_.push_back(static_cast<const MeasurementDescription*>(description));
      break;
  }
}

void Registry::sort() {
  const auto name_of_one = [](const auto* one) { return std::string_view(one->name); };
  std::ranges::sort(chains_, {}, name_of_one);
  std::ranges::sort(chefs_, {}, name_of_one);
  std::ranges::sort(measurements_, {}, name_of_one);
  std::ranges::sort(plugins_, {}, [](const FoundPlugin& one) {
    return std::pair(one.plugin->kind, std::string_view(one.plugin->name));
  });
}

std::string Registry::readme(const FoundPlugin& found) const {
  for (const PluginReadme* readme : readmes_) {
    if (readme->kind == found.plugin->kind && std::string_view(readme->plugin) == found.plugin->name)
      return readme->text;
  }
  if (found.file.empty()) return {};
  return text_of(fs::path(found.file).replace_filename(std::string(found.plugin->name) + ".md"));
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

const MeasurementDescription* Registry::measurement(std::string_view name) const {
  const auto at =
      std::ranges::find(measurements_, name, [](const auto* one) { return std::string_view(one->name); });
  return at == measurements_.end() ? nullptr : *at;
}

}  // namespace spiderling
