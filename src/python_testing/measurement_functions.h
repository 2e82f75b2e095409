// _spiderling.run_measurement and told_conditions: measurements over a made-up network, and over connections
// that are told of.
#pragma once

#include <Python.h>

namespace spiderling::python {

/// False: a Python exception is set.
bool add_measurement_functions(PyObject* module);

}  // namespace spiderling::python
