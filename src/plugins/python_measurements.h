// Measurements in Python: plugins of PATHspider, in the namespace package pathspider.plugins.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "plugins/registry.h"
#include "spiderling/measurement.h"

namespace spiderling {

/// A module of pathspider.plugins, as its file says.
struct PythonPluginModule {
  std::string name;
  std::filesystem::path file;
};

/// Those in the current folder, on PYTHONPATH (`python_path`, as the variable has it) and where Debian's
/// Python installs packages; sorted by name, of one name the first. Only looked for, nothing is loaded.
std::vector<PythonPluginModule> find_python_plugins(std::string_view python_path);
/// With this process's PYTHONPATH.
std::vector<PythonPluginModule> find_python_plugins();
/// The current folder's, which nobody has named, are passed over if somebody else may change them: why, in
/// one line. Empty: they are not. PYTHONPATH=. names them.
std::string why_current_folder_is_passed_over();

/// What a command can measure.
struct FoundMeasurements {
  std::vector<const MeasurementDescription*> measurements;  ///< native ones first
  std::vector<std::string> problems;  ///< plugins that cannot be used, and why: one line each
  std::vector<std::string> notes;     ///< for the user, once
};

/// The native measurements of `registry`, and of those in Python what `words`, a command line, may mean: one
/// that it names, or all if it names none. Python is not started where there are no plugins, or a native
/// measurement is named first. Of two of one name the native one wins.
FoundMeasurements find_measurements(const Registry& registry, const std::vector<std::string>& words);

/// The measurement of this name; nullptr: there is none. Error: it is in Python, and cannot be loaded.
Result<const MeasurementDescription*> find_measurement(const Registry& registry, const std::string& name);

}  // namespace spiderling
