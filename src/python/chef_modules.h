// Chefs that are written in Python.
#pragma once

#include <Python.h>

#include <memory>
#include <string>

#include "plugins/chef_modules.h"
#include "spiderling/chef.h"

namespace spiderling::python {

/// See PythonHost::load_chef_module(). With the interpreter's lock.
ChefModule load_chef_module(const std::string& name);
/// The description of a subclass of DumplingChef, `base`; it outlives the chefs that it makes. Made and let
/// go with the interpreter's lock.
std::shared_ptr<const ChefDescription> describe_chef(PyObject* chef_class, PyObject* base);

}  // namespace spiderling::python
