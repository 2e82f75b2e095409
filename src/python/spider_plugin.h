// A spider as pathspider/_measure.py and _run.py have it: a plugin, and a run of it.
#pragma once

#include <Python.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "python/locked_ref.h"
#include "spiderling/measurement.h"

namespace spiderling::python {

/// Calls object.name(arguments...). Throws std::runtime_error with what Python raised. With the interpreter's
/// lock.
Ref call_method(PyObject* object, const char* name, std::initializer_list<PyObject*> arguments = {});

/// Values of Python; each throws as call_method(). With the interpreter's lock.
Ref python_text(std::string_view text);
Ref python_number(std::int64_t number);
std::string text_in(PyObject* object);
std::int64_t number_in(PyObject* object);
bool truth_in(PyObject* object);
/// Those of any sequence.
std::vector<Ref> items_in(PyObject* sequence);

/// One option of a plugin and what the command line gave for it.
struct SpiderOption {
  std::string name;
  std::string also;
  std::string meaning;
  bool is_flag = false;
  int values = 1;
  bool flag = false;
  std::vector<std::string> texts{};
};

/// What a plugin says of itself before anything of it runs. Lives as long as the process.
struct SpiderPlugin {
  LockedRef plugin;  ///< a Plugin of pathspider/_measure.py
  std::string module;
  std::string name;
  std::string description;
  std::string version;
  bool forges = false;
  std::vector<ConnectMode> modes;
  std::vector<SpiderOption> options;

  /// Reads it. Throws std::runtime_error. With the interpreter's lock.
  explicit SpiderPlugin(Ref of_python);
};

}  // namespace spiderling::python
