#include "python/no_payload.h"

#include "python/scapy_bridge.h"

namespace spiderling::python {

namespace {

PyObject* no_payload = nullptr;

PyObject* no_layer(PyObject*, PyObject*) { return PyLong_FromLong(0); }
PyObject* no_get(PyObject*, PyObject*, PyObject*) { return Py_NewRef(Py_None); }
PyObject* no_bytes(PyObject*, PyObject*) { return PyBytes_FromStringAndSize(nullptr, 0); }
PyObject* no_name(PyObject*, void*) { return PyUnicode_FromString("NoPayload"); }
PyObject* no_fields(PyObject*, void*) { return PyDict_New(); }
PyObject* no_text(PyObject*) { return PyUnicode_FromString(""); }
int always_false(PyObject*) { return 0; }
int never_contains(PyObject*, PyObject*) { return 0; }
Py_ssize_t no_length(PyObject*) { return 0; }
PyObject* no_class(PyObject* self, void*) {
  if (!scapy_is_loaded()) return Py_NewRef(reinterpret_cast<PyObject*>(Py_TYPE(self)));
  const Ref real = scapy_no_payload();
  return real ? PyObject_GetAttrString(real.get(), "__class__") : nullptr;
}
PyObject* no_attribute(PyObject* self, PyObject* name) {
  if (_PyType_Lookup(Py_TYPE(self), name) != nullptr) return PyObject_GenericGetAttr(self, name);
  const Ref real = scapy_no_payload();
  return real ? PyObject_GetAttr(real.get(), name) : nullptr;
}

PyMethodDef no_methods[] = {
    {"haslayer", no_layer, METH_VARARGS, nullptr},
    {"getlayer", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(no_get)),
     METH_VARARGS | METH_KEYWORDS, nullptr},
    {"__bytes__", no_bytes, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};
PyGetSetDef no_attributes[] = {
    {"name", no_name, nullptr, nullptr, nullptr},
    {"fields", no_fields, nullptr, nullptr, nullptr},
    {"__class__", no_class, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyType_Slot no_slots[] = {
    {Py_tp_methods, no_methods},
    {Py_tp_getset, no_attributes},
    {Py_tp_getattro, reinterpret_cast<void*>(no_attribute)},
    {Py_tp_repr, reinterpret_cast<void*>(no_text)},
    {Py_nb_bool, reinterpret_cast<void*>(always_false)},
    {Py_mp_length, reinterpret_cast<void*>(no_length)},
    {Py_sq_contains, reinterpret_cast<void*>(never_contains)},
    {0, nullptr},
};

}  // namespace

PyObject* new_no_payload() { return Py_NewRef(no_payload); }

bool make_no_payload(PyObject* module) {
  PyType_Spec spec{"_spiderling.NoPayload", sizeof(PyObject), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, no_slots};
  auto* type = reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
  no_payload = type == nullptr ? nullptr : type->tp_alloc(type, 0);
  return no_payload != nullptr;
}

}  // namespace spiderling::python
