// IPprefix: an address, or a network, with the attributes and methods of python-libtrace's.
#include <algorithm>
#include <string>

#include "python/header_object.h"
#include "python/headers.h"
#include "python/ref.h"

namespace spiderling::python {

namespace {

struct PrefixObject {
  PyObject_HEAD IpAddress address;
  int length;  // in bits; -1: an address, no network
};

PyTypeObject* prefix_type = nullptr;

PrefixObject* prefix_of(PyObject* self) { return reinterpret_cast<PrefixObject*>(self); }
Bytes bytes_of(const IpAddress& address) {
  return {address.bytes.data(), address.version == IpVersion::v4 ? std::size_t{4} : std::size_t{16}};
}
int bits_of(const IpAddress& address) { return static_cast<int>(bytes_of(address).size()) * 8; }

PyObject* make(const IpAddress& address, int length) {
  auto* made = reinterpret_cast<PrefixObject*>(prefix_type->tp_alloc(prefix_type, 0));
  if (made == nullptr) return nullptr;
  made->address = address;
  made->length = length;
  return reinterpret_cast<PyObject*>(made);
}

// None or a number of bits; false: an exception is set.
bool read_length(PyObject* given, const IpAddress& address, int& length) {
  if (given == nullptr || given == Py_None) {
    length = -1;
    return true;
  }
  const long bits = PyLong_AsLong(given);
  if (bits == -1 && PyErr_Occurred() != nullptr) return false;
  if (bits < 0 || bits > bits_of(address))
    return fail(PyExc_ValueError, "the length is more than the address has bits");
  length = static_cast<int>(bits);
  return true;
}

PyObject* create(PyTypeObject*, PyObject* arguments, PyObject* named) {
  static const char* names[] = {"version", "addr", "length", nullptr};
  int version = 0;
  Py_buffer bytes;
  PyObject* given_length = nullptr;
  if (PyArg_ParseTupleAndKeywords(arguments, named, "iy*|O", const_cast<char**>(names), &version, &bytes,
                                  &given_length) == 0)
    return nullptr;
  const auto* data = static_cast<const std::uint8_t*>(bytes.buf);
  const bool fits = (version == 4 && bytes.len == 4) || (version == 6 && bytes.len == 16);
  const IpAddress address = !fits ? IpAddress{} : version == 4 ? IpAddress::v4(data) : IpAddress::v6(data);
  PyBuffer_Release(&bytes);
  if (!fits) return fail(PyExc_ValueError, "an address is version 4 and 4 bytes, or version 6 and 16 bytes");
  int length = -1;
  return read_length(given_length, address, length) ? make(address, length) : nullptr;
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* text(PyObject* self) {
  const PrefixObject* p = prefix_of(self);
  char room[max_address_text + 8];
  char* end = format_address(p->address, room);
  if (p->length >= 0) end = fmt::format_to(end, "/{}", p->length);
  return PyUnicode_FromStringAndSize(room, end - room);
}

PyObject* repr(PyObject* self) {
  PyObject* inner = text(self);
  if (inner == nullptr) return nullptr;
  PyObject* made = PyUnicode_FromFormat("IPprefix('%U')", inner);
  Py_DECREF(inner);
  return made;
}

// Addresses in their order, networks of one address by their length.
PyObject* compare(PyObject* a, PyObject* b, int operation) {
  if (PyObject_TypeCheck(a, prefix_type) == 0 || PyObject_TypeCheck(b, prefix_type) == 0)
    Py_RETURN_NOTIMPLEMENTED;
  const PrefixObject *left = prefix_of(a), *right = prefix_of(b);
  auto order = left->address.version <=> right->address.version;
  if (order == 0) order = left->address.bytes <=> right->address.bytes;
  if (order == 0) order = left->length <=> right->length;
  const int sign = order < 0 ? -1 : order > 0 ? 1 : 0;
  Py_RETURN_RICHCOMPARE(sign, 0, operation);
}

Py_hash_t hash(PyObject* self) {
  const Bytes bytes = bytes_of(prefix_of(self)->address);
  return _Py_HashBytes(bytes.data(), static_cast<Py_ssize_t>(bytes.size()));
}

bool bit(const IpAddress& address, int number) {
  return (address.bytes[static_cast<std::size_t>(number / 8)] >> (7 - number % 8) & 1) != 0;
}

// The first bit that differs; all bits: none does.
int first_difference(const IpAddress& a, const IpAddress& b) {
  const int bits = bits_of(a);
  for (int i = 0; i < bits; ++i) {
    if (bit(a, i) != bit(b, i)) return i;
  }
  return bits;
}

const PrefixObject* other_of(PyObject* self, PyObject* other) {
  if (PyObject_TypeCheck(other, prefix_type) == 0) return fail(PyExc_TypeError, "Expected an IPprefix");
  const PrefixObject* given = prefix_of(other);
  if (given->address.version == prefix_of(self)->address.version) return given;
  return fail(PyExc_ValueError, "the two are of different IP versions");
}

PyObject* version(PyObject* self, void*) {
  return PyLong_FromLong(static_cast<long>(prefix_of(self)->address.version));
}
PyObject* addr(PyObject* self, void*) { return new_bytearray(bytes_of(prefix_of(self)->address)); }
PyObject* length(PyObject* self, void*) {
  const int bits = prefix_of(self)->length;
  return bits < 0 ? Py_NewRef(Py_None) : PyLong_FromLong(bits);
}
int set_length(PyObject* self, PyObject* value, void*) {
  return read_length(value, prefix_of(self)->address, prefix_of(self)->length) ? 0 : -1;
}
PyObject* width(PyObject* self, void*) {
  const int bits = prefix_of(self)->length;
  return bits < 0 ? Py_NewRef(Py_None) : PyLong_FromLong(bits - 1);
}
PyObject* complement(PyObject* self, void*) {
  IpAddress address = prefix_of(self)->address;
  for (std::size_t i = 0; i < bytes_of(address).size(); ++i)
    address.bytes[i] = static_cast<std::uint8_t>(~address.bytes[i]);
  return make(address, prefix_of(self)->length);
}
PyObject* is_rfc1918(PyObject* self, void*) {
  const IpAddress& a = prefix_of(self)->address;
  const bool is =
      a.version == IpVersion::v4 && (a.bytes[0] == 10 || (a.bytes[0] == 172 && (a.bytes[1] & 0xf0) == 16) ||
                                     (a.bytes[0] == 192 && a.bytes[1] == 168));
  return new_bool(is);
}

PyObject* is_prefix(PyObject* self, PyObject* other) {
  const PrefixObject* given = other_of(self, other);
  if (given == nullptr) return nullptr;
  const PrefixObject* own = prefix_of(self);
  const int bits = own->length < 0 ? bits_of(own->address) : own->length;
  return new_bool(first_difference(own->address, given->address) >= bits);
}
PyObject* equal(PyObject* self, PyObject* other) {
  if (PyObject_TypeCheck(other, prefix_type) == 0) return new_bool(false);
  return new_bool(prefix_of(self)->address == prefix_of(other)->address);
}
PyObject* has_bit_set(PyObject* self, PyObject* argument) {
  const long number = PyLong_AsLong(argument);
  if (number == -1 && PyErr_Occurred() != nullptr) return nullptr;
  if (number < 0 || number >= bits_of(prefix_of(self)->address))
    return fail(PyExc_ValueError, "the address has no such bit");
  return new_bool(bit(prefix_of(self)->address, static_cast<int>(number)));
}
PyObject* first_bit_different(PyObject* self, PyObject* other) {
  const PrefixObject* given = other_of(self, other);
  return given == nullptr ? nullptr
                          : PyLong_FromLong(first_difference(prefix_of(self)->address, given->address));
}

PyGetSetDef attributes[] = {
    {"version", version, nullptr, "4 or 6", nullptr},
    {"addr", addr, nullptr, "the 4 or 16 bytes, a bytearray", nullptr},
    {"length", length, set_length, "of the prefix, in bits; None: an address", nullptr},
    {"width", width, nullptr, "length - 1, as python-libtrace has it", nullptr},
    {"complement", complement, nullptr, "the same with all bits turned", nullptr},
    {"is_rfc1918", is_rfc1918, nullptr, "a private IPv4 address (RFC 1918)", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyMethodDef methods[] = {
    {"is_prefix", is_prefix, METH_O, "Does the other begin with this prefix?"},
    {"equal", equal, METH_O, "Are version and address the same, whatever the lengths?"},
    {"has_bit_set", has_bit_set, METH_O, "Is this bit set? Bit 0 is the first of the address."},
    {"first_bit_different", first_bit_different, METH_O,
     "The first bit in which the two differ; all bits: none."},
    {nullptr, nullptr, 0, nullptr},
};

PyObject* from_s(PyObject*, PyObject* argument) {
  Py_ssize_t size = 0;
  const char* given = PyUnicode_AsUTF8AndSize(argument, &size);
  if (given == nullptr) return nullptr;
  const std::string whole(given, static_cast<std::size_t>(size));
  if (whole.find('\0') != std::string::npos) return fail(PyExc_ValueError, "an address has no zero bytes");
  const auto slash = whole.find('/');
  const auto address = IpAddress::parse(whole.substr(0, slash));
  if (!address) return fail(PyExc_ValueError, "neither an IPv4 nor an IPv6 address");
  if (slash == std::string::npos) return make(*address, -1);
  PyObject* bits = PyLong_FromString(whole.c_str() + slash + 1, nullptr, 10);
  int read = -1;
  const bool fits = bits != nullptr && read_length(bits, *address, read);
  Py_XDECREF(bits);
  return fits ? make(*address, read) : nullptr;
}
PyMethodDef functions[] = {
    {"from_s", from_s, METH_O, "An IPprefix of '192.0.2.1' or '2001:db8::/32'."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

PyObject* new_prefix(const IpAddress& address) { return make(address, -1); }

bool add_prefix_type(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_new, reinterpret_cast<void*>(create)},
      {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
      {Py_tp_str, reinterpret_cast<void*>(text)},
      {Py_tp_repr, reinterpret_cast<void*>(repr)},
      {Py_tp_richcompare, reinterpret_cast<void*>(compare)},
      {Py_tp_hash, reinterpret_cast<void*>(hash)},
      {Py_tp_getset, attributes},
      {Py_tp_methods, methods},
      {Py_tp_doc, const_cast<char*>("IPprefix(version, addr[, length]): an address or a network.")},
      {0, nullptr}};
  PyType_Spec spec = {"_spiderling.IPprefix", sizeof(PrefixObject), 0, Py_TPFLAGS_DEFAULT, slots};
  prefix_type = reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
  return prefix_type != nullptr && PyModule_AddType(module, prefix_type) == 0 &&
         PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace spiderling::python
