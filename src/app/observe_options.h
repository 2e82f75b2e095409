// The command line of `spiderling observe`.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/hub_target.h"
#include "plugins/registry.h"

namespace spiderling::app {

struct ObserveOptions {
  std::string input;   ///< file, interface, "-"; empty: the interface of the default route
  std::string output;  ///< file; empty: standard output
  std::string write;   ///< keep what was seen
  std::string filter;
  HubTarget hub;  ///< instead of output
  std::vector<std::string> chains;
  std::size_t shards = 1;
  std::uint32_t snap_length = 262144;
  std::uint64_t count = 0;
  double duration_seconds = 0;
  double idle_timeout_seconds = 30;
  double expiry_timeout_seconds = 5;
  std::size_t max_flows = 4'000'000;
  std::uint64_t max_failures = 100;  ///< of a chain's hook, in a row; 0: any number
  bool promiscuous = true;
  bool verbose = false;

  bool list_chains = false;
  bool schema = false;
  bool describe = false;
  std::vector<std::string> described;  ///< --describe's chains; none: all
};

/// What came of a command line: options to run with, or an exit status (help was printed, or an error).
struct ParsedObserve {
  ObserveOptions options;
  std::optional<int> exit;
};
ParsedObserve parse_observe(const Arguments& arguments);

/// --list-chains, --describe, --schema: answered from the registry, on standard output.
int answer_about_chains(const Arguments& arguments, const Registry& registry, const ObserveOptions& options);

}  // namespace spiderling::app
