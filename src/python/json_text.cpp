#include "python/json_text.h"

#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "python/ref.h"

namespace spiderling::python {

namespace {

// Text of printable ASCII without quotes and backslashes stands as it is.
bool is_plain(std::string_view text) {
  for (const char c : text) {
    if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f) return false;
  }
  return true;
}

bool append_dumped(PyObject* object, std::string& json) {
  const Ref module(PyImport_ImportModule("json"));
  const Ref dumps = module ? attribute(module.get(), "dumps") : Ref();
  const Ref arguments(PyTuple_Pack(1, object));
  const Ref named(PyDict_New());
  const Ref separators(Py_BuildValue("(ss)", ",", ":"));
  Ref text;
  if (dumps && arguments && named && separators &&
      PyDict_SetItemString(named.get(), "allow_nan", Py_False) == 0 &&
      PyDict_SetItemString(named.get(), "separators", separators.get()) == 0)
    text = Ref(PyObject_Call(dumps.get(), arguments.get(), named.get()));
  Py_ssize_t size = 0;
  const char* utf8 = text ? PyUnicode_AsUTF8AndSize(text.get(), &size) : nullptr;
  if (utf8 == nullptr) {
    PyErr_Clear();
    return false;
  }
  json.append(utf8, static_cast<std::size_t>(size));
  return true;
}

}  // namespace

bool append_json(PyObject* object, std::string& json) {
  if (object == Py_None) {
    json += "null";
  } else if (object == Py_True) {
    json += "true";
  } else if (object == Py_False) {
    json += "false";
  } else if (PyLong_CheckExact(object)) {
    int overflow = 0;
    const long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (overflow != 0) return append_dumped(object, json);
    fmt::format_to(std::back_inserter(json), "{}", value);
  } else if (PyFloat_CheckExact(object)) {
    const double value = PyFloat_AS_DOUBLE(object);
    char* text =
        std::isfinite(value) ? PyOS_double_to_string(value, 'r', 0, Py_DTSF_ADD_DOT_0, nullptr) : nullptr;
    json += text == nullptr ? "null" : text;
    PyMem_Free(text);
  } else if (PyUnicode_CheckExact(object) && PyUnicode_IS_ASCII(object)) {
    const std::string_view text(reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(object)),
                                static_cast<std::size_t>(PyUnicode_GET_LENGTH(object)));
    if (!is_plain(text)) return append_dumped(object, json);
    json += '"';
    json += text;
    json += '"';
  } else {
    return append_dumped(object, json);
  }
  return true;
}

}  // namespace spiderling::python
