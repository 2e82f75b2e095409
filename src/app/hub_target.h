// The hub that a command sends its records to, if it was told one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "kitchen/hub_delivery.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace spiderling::app {

struct HubTarget {
  std::string hub;  ///< HOST:PORT; empty: none
  std::string kitchen_name = "default_kitchen";
  std::string token_file;
  std::string ca_file;

  bool wanted() const { return !hub.empty(); }
};

/// --hub, --kitchen-name, --token-file, --ca-file. `what`: "flow records, as dumplings of chef FlowObserver".
/// Not together with `instead_of`.
void add_hub_target(CLI::App& cli, HubTarget& target, std::string_view what, CLI::Option* instead_of);

/// What a kitchen with this chef says to the hub. Error: no such address, or the token cannot be read.
Result<HubDeliveryOptions> delivery_to(const HubTarget& target, std::string_view chef,
                                       const std::string& interface, const std::string& filter);

}  // namespace spiderling::app
