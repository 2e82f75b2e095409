// Python objects as JSON.
#pragma once

#include <Python.h>

#include <string>

namespace spiderling::python {

/// Appends the JSON of an object: what json.dumps() writes, but a number that JSON has no word for is null.
/// False: it cannot be said in JSON, nothing is appended, no exception is set. With the interpreter's lock.
bool append_json(PyObject* object, std::string& json);

}  // namespace spiderling::python
