// Chefs that are written in Python.
#pragma once

#include <string>

#include "plugins/chef_modules.h"

namespace spiderling::python {

/// See PythonHost::load_chef_module(). With the interpreter's lock.
ChefModule load_chef_module(const std::string& name);

}  // namespace spiderling::python
