// The door to plugins written in Python. Behind it is libspiderling-python.so (src/python), which is loaded,
// and an interpreter started, when the first of them is asked for, and never otherwise.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "plugins/chef_modules.h"
#include "spiderling/chain.h"
#include "spiderling/measurement.h"

namespace spiderling {

/// The chain classes that a Python module defines itself.
struct PythonChains {
  std::vector<const ChainDescription*> usable;
  struct Unusable {
    std::string class_name;
    std::string problem;
  };
  std::vector<Unusable> unusable;  ///< of which no object could be made
};

/// What a Python interpreter in this process has for us. All it gives lives as long as the process.
/// Thread-safety: any thread may call, without holding the interpreter's lock.
class PythonHost {
 public:
  virtual ~PythonHost() = default;

  /// `name`: a module ("my_chefs", looked for in the current folder, on PYTHONPATH and where Python looks), a
  /// path ending in .py, or a folder with such files. The module's `problem` is Python's own words if it
  /// cannot be imported.
  virtual ChefModule load_chef_module(const std::string& name) = 0;

  /// The chains of a Python module, named in the same way. Error: it cannot be imported, or defines none.
  virtual Result<PythonChains> load_chains(const std::string& module) = 0;
  /// Hooks of chains that run are interrupted, as by Ctrl-C in Python, and none is called any more: for a run
  /// that is to end and does not. What waits outside of Python, for a socket say, is not interrupted before
  /// it comes back.
  virtual void stop_chains() = 0;

  /// The measurement of this name that a module of the namespace package pathspider.plugins has; nullptr:
  /// none has.
  virtual Result<const MeasurementDescription*> load_measurement(const std::string& name) = 0;
  /// The measurements that there are in pathspider.plugins. What cannot be imported is left out, and said in
  /// `problems`.
  virtual std::vector<const MeasurementDescription*> all_measurements(std::vector<Error>& problems) = 0;

  /// What ordinary Python does at its end: threads that are no daemons are waited for, what was registered
  /// with atexit runs, output is flushed. The interpreter stays. False: it took longer than `most`, or
  /// something still runs; then the process must end without giving it another turn (_exit).
  virtual bool end(std::chrono::milliseconds most) = 0;
};

/// Starts Python if it does not run yet. Error: libspiderling-python.so or libpython is missing, or the
/// environment is one of another Python; the same each time.
Result<PythonHost*> python_host();
/// Python if it runs, else nullptr.
PythonHost* running_python_host();

/// Where what belongs to Python is: beside the program in the build tree, else relative to it as it is
/// installed.
struct PythonFolders {
  std::filesystem::path library;   ///< libspiderling-python.so
  std::filesystem::path packages;  ///< of the folder with netdumplings, pathspider and _spiderling
  /// False: the current folder is not searched for modules, since somebody else may change plugins in it.
  bool current_folder = true;
};
/// Of the program that runs.
PythonFolders python_folders();
/// Of a program in `folder`. When nothing is found: where it would be beside the program.
PythonFolders python_folders(const std::filesystem::path& folder);

/// What libspiderling-python.so exports, as `spiderling_python_door`.
struct PythonDoor {
  const char* built_for;  ///< python_door_version of the program that it came with
  PythonHost* (*open)(const PythonFolders& folders, Error& problem);  ///< nullptr: see `problem`
};
inline constexpr const char* python_door_version = "spiderling " SPIDERLING_VERSION ", door 2";

}  // namespace spiderling
