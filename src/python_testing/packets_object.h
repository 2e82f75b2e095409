// _spiderling.Packets: lines of text, and bytes, as packets.
#pragma once

#include <Python.h>

#include "spiderling/testing/packets.h"

namespace spiderling::python {

/// Makes the type. False: a Python exception is set.
bool add_packets_type(PyObject* module);

/// nullptr: it is none, and a Python exception is set. Borrowed.
const testing::Packets* packets_in(PyObject* object);

/// For the catch of a function that Python has called: what the kit throws, as an exception of Python's.
/// Always nullptr.
PyObject* raise_current();

}  // namespace spiderling::python
