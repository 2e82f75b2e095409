// Options for runs that must survive.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace spiderling::app {

struct SurvivalOptions {
  std::string journal;  ///< empty: none
  bool resume = false;
  bool pause = true;
  std::string probe;  ///< an address, or "gateway"; empty: none
  /// Options of the command line that change what is measured, with their values: a run that goes on must
  /// have the same.
  std::vector<std::pair<std::string, std::string>> of_run;
};

void add_survival(CLI::App& cli, SurvivalOptions& o);

/// Sets `of_run` from a command line that was read, and the subcommand that was chosen.
void remember_options_of_run(const CLI::App& cli, const CLI::App& chosen, SurvivalOptions& o);

}  // namespace spiderling::app
