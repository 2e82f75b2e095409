#include "python/ref.h"

#include <stdexcept>

namespace spiderling::python {

namespace {

std::string formatted_traceback(PyObject* type, PyObject* value, PyObject* traceback) {
  const Ref module(PyImport_ImportModule("traceback"));
  if (!module) {
    PyErr_Clear();
    return {};
  }
  const Ref lines(PyObject_CallMethod(module.get(), "format_exception", "OOO", type, value,
                                      traceback == nullptr ? Py_None : traceback));
  const Ref empty(PyUnicode_FromString(""));
  const Ref joined(lines && empty ? PyUnicode_Join(empty.get(), lines.get()) : nullptr);
  if (joined) return text_of(joined.get());
  PyErr_Clear();
  return {};
}

// Exceptions whose text alone says what is wrong; those of our own packages say so.
bool speaks_for_itself(PyObject* type) {
  if (attribute(type, "_speaks_for_itself")) return true;
  for (PyObject* known : {PyExc_ImportError, PyExc_SyntaxError, PyExc_OSError, PyExc_NameError}) {
    if (PyErr_GivenExceptionMatches(type, known) != 0) return true;
  }
  return false;
}

std::string in_one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return text;
}

// The innermost frame of a traceback.
std::string innermost(PyObject* traceback) {
  Ref last = Ref::borrowed(traceback);
  for (Ref next = last; next && next.get() != Py_None; next = attribute(last.get(), "tb_next")) last = next;
  const Ref frame = last ? attribute(last.get(), "tb_frame") : Ref();
  const Ref code = frame ? attribute(frame.get(), "f_code") : Ref();
  const Ref file = code ? attribute(code.get(), "co_filename") : Ref();
  const Ref line = attribute(last.get(), "tb_lineno");
  if (!file || !line) return {};
  const std::string path = text_of(file.get());
  return path.substr(path.rfind('/') + 1) + ":" + text_of(line.get());
}

}  // namespace

Ref attribute(PyObject* object, const char* name) {
  PyObject* found = PyObject_GetAttrString(object, name);
  if (found == nullptr) PyErr_Clear();
  return Ref(found);
}

std::string text_of(PyObject* object) {
  const Ref text(object == nullptr ? nullptr : PyObject_Str(object));
  const Ref bytes(text ? PyUnicode_AsEncodedString(text.get(), "utf-8", "replace") : nullptr);
  if (!bytes) {
    PyErr_Clear();
    return "(has no text)";
  }
  return {PyBytes_AS_STRING(bytes.get()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get()))};
}

RaisedException take_exception() {
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  if (type == nullptr) return {"nothing was raised", "", ""};
  PyErr_NormalizeException(&type, &value, &traceback);
  const Ref own_type(type), own_value(value), own_traceback(traceback);
  RaisedException raised;
  raised.text = in_one_line(text_of(value));
  const std::string name = PyType_Check(type) ? reinterpret_cast<PyTypeObject*>(type)->tp_name : "exception";
  if (raised.text.empty())
    raised.text = name;
  else if (!speaks_for_itself(type))
    raised.text = name + ": " + raised.text;
  if (traceback != nullptr) raised.where = innermost(traceback);
  raised.traceback = formatted_traceback(type, value, traceback);
  return raised;
}

void throw_exception() { throw std::runtime_error(take_exception().text); }

Ref or_throw(Ref made) {
  if (!made) throw_exception();
  return made;
}

Failed fail(PyObject* type, std::string_view problem) {
  const Ref text(PyUnicode_DecodeUTF8(problem.data(), static_cast<Py_ssize_t>(problem.size()), "replace"));
  if (text) PyErr_SetObject(type, text.get());
  return {};
}

}  // namespace spiderling::python
