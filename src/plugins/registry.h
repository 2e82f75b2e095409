// What has been found: every plugin that this program has, built in or loaded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "plugins/search.h"
#include "spiderling/chain.h"
#include "spiderling/chef.h"
#include "spiderling/measurement.h"
#include "spiderling/plugin.h"

namespace spiderling {

/// A plugin and where it came from.
struct FoundPlugin {
  const Plugin* plugin;
  std::string file;  ///< empty: it is built in
};

/// Immutable once made; may be read from any thread.
class Registry {
 public:
  /// The plugins that are linked into this program.
  static const Registry& built_in();
  /// Those, and what is found in the folders of the search, in the usual ones, and in its files. Each name of
  /// a kind is there once: what comes first stays, built in before found. What could not be loaded is in
  /// refused(), the rest is loaded all the same. Shared objects stay loaded for good. To be called while the
  /// program has one thread (see plugins/trial.h). Error: one of the files that were named cannot be loaded.
  static Result<Registry> find(const PluginSearch& search);

  /// By kind, then by name.
  const std::vector<FoundPlugin>& plugins() const { return plugins_; }
  const std::vector<Refusal>& refused() const { return refused_; }
  /// Markdown: what SPIDERLING_README gave, or the file NAME.md beside the plugin's. Empty: there is none.
  std::string readme(const FoundPlugin& plugin) const;

  /// Sorted by name.
  const std::vector<const ChainDescription*>& chains() const { return chains_; }

  /// Error: no such chain; names the nearest ones.
  Result<const ChainDescription*> chain(std::string_view name) const;
  /// In the order of the names; what none of these is called may be one in Python (plugins/python_chains.h).
  Result<std::vector<const ChainDescription*>> chains(const std::vector<std::string>& names) const;

  /// Sorted by name; also those that no kitchen may take on.
  const std::vector<const ChefDescription*>& chefs() const { return chefs_; }

  /// Sorted by name.
  const std::vector<const MeasurementDescription*>& measurements() const { return measurements_; }
  /// nullptr: there is none of that name.
  const MeasurementDescription* measurement(std::string_view name) const;

 private:
  Registry() = default;
  void take_built_in();
  Result<void> load(const std::vector<std::string>& files);
  void load_folders(const std::vector<std::string>& folders);
  void take(const std::string& file);
  void take(const Plugin& plugin, const std::string& file);
  void sort();

  std::vector<FoundPlugin> plugins_;
  std::vector<const PluginReadme*> readmes_;
  std::vector<Refusal> refused_;
  std::vector<const ChainDescription*> chains_;
  std::vector<const ChefDescription*> chefs_;
  std::vector<const MeasurementDescription*> measurements_;
};

}  // namespace spiderling
