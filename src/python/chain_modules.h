// Chains that are written in Python.
#pragma once

#include <string>

#include "base/error.h"
#include "plugins/python_door.h"

namespace spiderling::python {

/// See PythonHost::load_chains(). With the interpreter's lock.
Result<PythonChains> load_chains(const std::string& module);

}  // namespace spiderling::python
