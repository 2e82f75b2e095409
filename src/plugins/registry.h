// What has been found: every plugin that this program has, built in or loaded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "spiderling/chain.h"
#include "spiderling/chef.h"
#include "spiderling/measurement.h"
#include "spiderling/plugin.h"

namespace spiderling {

/// Immutable once made; may be read from any thread.
class Registry {
 public:
  /// The plugins that are linked into this program.
  static const Registry& built_in();

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

 private:
  explicit Registry(const std::vector<const Plugin*>& plugins);

  std::vector<const ChainDescription*> chains_;
  std::vector<const ChefDescription*> chefs_;
  std::vector<const MeasurementDescription*> measurements_;
};

}  // namespace spiderling
