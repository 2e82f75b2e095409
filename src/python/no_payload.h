// What ends the row of a packet's layers, as scapy's NoPayload does: false, empty, and without any layer.
#pragma once

#include <Python.h>

namespace spiderling::python {

/// A new reference to the one that there is.
PyObject* new_no_payload();

/// Once, before that. False: a Python exception is set.
bool make_no_payload(PyObject* module);

}  // namespace spiderling::python
