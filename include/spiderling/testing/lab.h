// A measurement over `spiderling lab`: real servers behind boxes of known faults, in namespaces of this
// machine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace spiderling::testing {

/// What the lab has found.
struct LabVerdict {
  /// Why there is no verdict: no root, or a package that is missing. Empty: there is one.
  std::string skipped;
  bool all_right = false;
  std::string report;  ///< for a person: conditions, with what was wrong by host
};

/// Runs `spiderling lab check SCENARIO`: the network up, the measurement that the scenario names run over it,
/// each result held against what the scenario says is true, the network gone. Of the machine's own network
/// nothing is changed. Needs root.
///
///     const LabVerdict verdict = check_in_lab("lab.toml");
///     if (!verdict.skipped.empty()) return 77;  // ctest: skipped
///     if (!verdict.all_right) std::fputs(verdict.report.c_str(), stderr);
///     return verdict.all_right ? 0 : 1;
///
/// The program is $SPIDERLING, else `spiderling` of the PATH; it must find the measurement:
/// $SPIDERLING_PLUGIN_PATH has the folder of the plugin. spiderling_add_plugin_test() of CMake sets both.
/// `more`: options for `lab check`. Throws std::runtime_error if the program cannot be run at all.
LabVerdict check_in_lab(std::string_view scenario_file, const std::vector<std::string>& more = {});

}  // namespace spiderling::testing
