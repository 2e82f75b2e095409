// A native measurement's own options, for a Python program.
#pragma once

#include <Python.h>

#include "spiderling/measurement.h"

namespace spiderling::python {

/// Sets options from a dict of their names; numbers where a list is wanted are lists of one. False: a Python
/// exception is set. With the interpreter's lock.
bool set_options(Measurement& measurement, PyObject* given);

/// A tuple of (name, kind, default, meaning), kind one of flag, number, text, numbers, texts. nullptr: a
/// Python exception is set. With the interpreter's lock.
PyObject* describe_options(Measurement& measurement);

}  // namespace spiderling::python
