// What a kitchen tells a hub first.
#pragma once

#include <string>
#include <vector>

namespace spiderling {

/// A kitchen's words about itself. They come back, as they are, in the hub's status.
struct KitchenHello {
  std::string kitchen_name;
  std::string interface;
  std::string filter;
  std::vector<std::string> chefs;  ///< "module.Class"
  double poke_interval = 0;        ///< seconds

  /// {"kitchen_name":...,"interface":...,"filter":...,"chefs":[...],"poke_interval":5.0}
  std::string json() const;
};

}  // namespace spiderling
