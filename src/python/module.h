// The module _spiderling: what the packages netdumplings and pathspider are made of.
#pragma once

#include <Python.h>

namespace spiderling::python {

/// Each adds a lane of types to the module. False: a Python exception is set.
bool add_packet_types(PyObject* module);    ///< packets and their layers, as chefs see them
bool add_packet_source(PyObject* module);   ///< packets of a trace or an interface, for a Python program
bool add_observer_types(PyObject* module);  ///< headers as chains see them, Observer, flow records
bool add_spider_types(PyObject* module);    ///< measurements: models, connections, jobs, native ones
bool add_measurement_type(PyObject* module);
/// The test kit, of src/python_testing: in the extension only; the program has no such function.
[[gnu::weak]] bool add_testing_types(PyObject* module);

}  // namespace spiderling::python

/// The same module behind both doors: built into the program's interpreter, and as an extension of an
/// ordinary python3.
PyMODINIT_FUNC PyInit__spiderling();
