// What chefs return, as the payload of a dumpling.
#pragma once

#include <Python.h>

#include <string>

#include "python/ref.h"

namespace spiderling::python {

/// Python's own encoder, as json.dumps() uses it, but for numbers that JSON has no word for. Nothing, and no
/// exception, if there is none.
Ref payload_encoder();

/// Appends `payload` on one line. Returns what is wrong with it, and `out` then ends as it did; empty:
/// nothing is.
std::string append_payload_text(std::string& out, PyObject* encoder, PyObject* payload);

}  // namespace spiderling::python
