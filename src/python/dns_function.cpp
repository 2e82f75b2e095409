#include "python/headers.h"

namespace spiderling::python {

namespace {

PyObject* is_dns_response(PyObject*, PyObject* argument) {
  Py_buffer buffer;
  if (PyObject_GetBuffer(argument, &buffer, PyBUF_SIMPLE) != 0) return nullptr;
  const auto dns =
      DnsMessage::at({static_cast<const std::uint8_t*>(buffer.buf), static_cast<std::size_t>(buffer.len)});
  const bool is = dns && dns->is_response() && dns->well_formed();
  PyBuffer_Release(&buffer);
  return Py_NewRef(is ? Py_True : Py_False);
}

PyMethodDef functions[] = {
    {"is_dns_response", is_dns_response, METH_O,
     "Are these bytes a whole, well-formed DNS response (RFC 1035)?"},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool add_dns_function(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace spiderling::python
