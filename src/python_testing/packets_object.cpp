#include "python_testing/packets_object.h"

#include <memory>
#include <new>
#include <stdexcept>
#include <string_view>

#include "python/ref.h"
#include "spiderling/packet.h"

namespace spiderling::python {

namespace {

using testing::Packets;

struct PacketsObject {
  PyObject_HEAD Packets packets;
};
PyTypeObject* packets_type = nullptr;

Packets& packets_of(PyObject* self) { return reinterpret_cast<PacketsObject*>(self)->packets; }

PyObject* create(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* made = type->tp_alloc(type, 0);
  if (made != nullptr) std::construct_at(&packets_of(made));
  return made;
}

void destroy(PyObject* self) {
  PyTypeObject* const type = Py_TYPE(self);
  std::destroy_at(&packets_of(self));
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* add_text(PyObject* self, PyObject* text) {
  Py_ssize_t size = 0;
  const char* lines = PyUnicode_AsUTF8AndSize(text, &size);
  if (lines == nullptr) return nullptr;
  try {
    packets_of(self).add(std::string_view(lines, static_cast<std::size_t>(size)));
    Py_RETURN_NONE;
  } catch (...) {
    return raise_current();
  }
}

PyObject* add_bytes(PyObject* self, PyObject* arguments) {
  Py_buffer bytes;
  int link_type = 0;
  if (PyArg_ParseTuple(arguments, "y*i", &bytes, &link_type) == 0) return nullptr;
  PyObject* done = Py_NewRef(Py_None);
  try {
    packets_of(self).add(
        Bytes(static_cast<const std::uint8_t*>(bytes.buf), static_cast<std::size_t>(bytes.len)),
        static_cast<LinkType>(link_type));
  } catch (...) {
    Py_CLEAR(done);
    raise_current();
  }
  PyBuffer_Release(&bytes);
  return done;
}

PyObject* extend(PyObject* self, PyObject* other) {
  const Packets* more = packets_in(other);
  if (more == nullptr) return nullptr;
  packets_of(self).add(*more);
  Py_RETURN_NONE;
}

PyObject* add_again(PyObject* self, PyObject* argument) {
  const std::size_t at = PyLong_AsSize_t(argument);
  if (PyErr_Occurred() != nullptr) return nullptr;
  Packets& packets = packets_of(self);
  if (at >= packets.size()) return fail(PyExc_IndexError, "there is no such packet");
  const testing::StoredPacket one = packets.stored()[at];
  packets.add(one.bytes, one.link_type);
  Py_RETURN_NONE;
}

PyObject* wait(PyObject* self, PyObject* argument) {
  const double seconds = PyFloat_AsDouble(argument);
  if (seconds == -1 && PyErr_Occurred() != nullptr) return nullptr;
  constexpr double longest = 1e9;
  if (!(seconds >= -longest && seconds <= longest))
    return fail(PyExc_ValueError, "that is no time between packets");
  packets_of(self).wait(std::chrono::round<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds)));
  Py_RETURN_NONE;
}

PyObject* save(PyObject* self, PyObject* path) {
  PyObject* encoded = nullptr;
  if (PyUnicode_FSConverter(path, &encoded) == 0) return nullptr;
  const Ref name(encoded);
  try {
    packets_of(self).save(PyBytes_AS_STRING(name.get()));
    Py_RETURN_NONE;
  } catch (...) {
    return raise_current();
  }
}

Py_ssize_t length(PyObject* self) { return static_cast<Py_ssize_t>(packets_of(self).size()); }

PyObject* item(PyObject* self, Py_ssize_t at) {
  const auto& stored = packets_of(self).stored();
  if (at < 0 || static_cast<std::size_t>(at) >= stored.size())
    return fail(PyExc_IndexError, "there is no such packet");
  const testing::StoredPacket& one = stored[static_cast<std::size_t>(at)];
  return Py_BuildValue("dN", to_seconds(one.time),
                       PyBytes_FromStringAndSize(reinterpret_cast<const char*>(one.bytes.data()),
                                                 static_cast<Py_ssize_t>(one.bytes.size())));
}

PyMethodDef methods[] = {
    {"add_text", add_text, METH_O, "A line, or several."},
    {"add_bytes", add_bytes, METH_VARARGS, "add_bytes(bytes, link_type): whole bytes, sense or not."},
    {"extend", extend, METH_O, "The packets of another one, at times of this one's."},
    {"add_again", add_again, METH_O, "add_again(number): the packet of this number, once more."},
    {"wait", wait, METH_O, "The next packet comes so many seconds later than it would."},
    {"save", save, METH_O, "save(path): a capture file."},
    {nullptr, nullptr, 0, nullptr},
};
PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(create)},
    {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
    {Py_tp_methods, methods},
    {Py_sq_length, reinterpret_cast<void*>(length)},
    {Py_sq_item, reinterpret_cast<void*>(item)},
    {Py_tp_doc, const_cast<char*>("Packets of a test: of items (time in seconds, bytes).")},
    {0, nullptr}};
PyType_Spec spec = {"_spiderling.Packets", sizeof(PacketsObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                    slots};

}  // namespace

bool add_packets_type(PyObject* module) {
  const Ref type(PyType_FromModuleAndSpec(module, &spec, nullptr));
  if (!type) return false;
  packets_type = reinterpret_cast<PyTypeObject*>(Py_NewRef(type.get()));  // for as long as the process lives
  return PyModule_AddType(module, packets_type) == 0;
}

const Packets* packets_in(PyObject* object) {
  if (PyObject_TypeCheck(object, packets_type) != 0) return &packets_of(object);
  return fail(PyExc_TypeError, "these are no Packets");
}

PyObject* raise_current() {
  try {
    throw;
  } catch (const std::invalid_argument& problem) {
    PyErr_SetString(PyExc_ValueError, problem.what());
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& problem) {
    PyErr_SetString(PyExc_RuntimeError, problem.what());
  }
  return nullptr;
}

}  // namespace spiderling::python
