// A connection's record in the words of Python, and back.
#pragma once

#include <Python.h>

#include <string>
#include <string_view>

#include "python/spider_call.h"
#include "spiderling/measurement.h"

namespace spiderling::python {

/// The fields that are its own, an object of JSON.
std::string fields_json(const ConnectionRecord& record);

/// `text`: an object of JSON. Throws what Boost.JSON throws where it is none.
void add_fields(ConnectionRecord& record, std::string_view text);

/// What post_connect() of pathspider/_run.py says of a connection. With the interpreter's lock. Throws
/// std::runtime_error.
SpiderCall::Told told_of_connection(PyObject* told);

/// What came of a connection: by what its plugin says, and where it says nothing else, by what the engine
/// found.
void fill(ConnectionRecord& record, const SpiderCall& call);

}  // namespace spiderling::python
