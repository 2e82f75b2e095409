// How a header stands in memory as a Python object, and what its attributes are made of.
#pragma once

#include <Python.h>

#include <memory>
#include <optional>

#include "python/headers.h"

namespace spiderling::python {

/// Counted under the interpreter's lock.
struct PacketShare::Held {
  std::size_t shares = 1;
  Packet packet;
  std::optional<OwnedPacket> own;  ///< the copy, once it has one
  bool is_quotation = false;

  void let_go() {
    if (--shares == 0) delete this;
  }
};

struct HeaderObject {
  PyObject_HEAD PacketShare::Held* held;
  std::uint32_t offset;    ///< of its first byte in the packet's bytes
  std::uint32_t captured;  ///< bytes from there, headers and payload, padding left out
  std::uint32_t size;      ///< the same as stated, captured or not
  HeaderKind kind;

  const Packet& packet() const { return held->packet; }
  const std::uint8_t* bytes() const { return held->packet.data().data() + offset; }
};

inline HeaderObject* header_of(PyObject* self) { return reinterpret_cast<HeaderObject*>(self); }

/// A new object for these bytes of a packet. nullptr: a Python exception is set.
PyObject* new_object(HeaderKind kind, PacketShare::Held* held, std::size_t offset, std::size_t captured,
                     std::size_t size);
/// The same for a span inside the packet's bytes.
PyObject* new_object(HeaderKind kind, PacketShare::Held* held, Bytes bytes, std::size_t size);

/// The first `needed` bytes of a header. nullptr: they were not captured, and a ValueError is set.
const std::uint8_t* need(PyObject* self, std::size_t needed, const char* what);

inline PyObject* none() { return Py_NewRef(Py_None); }
inline PyObject* new_bool(bool value) { return Py_NewRef(value ? Py_True : Py_False); }
inline PyObject* new_number(std::uint64_t value) { return PyLong_FromUnsignedLongLong(value); }
inline PyObject* new_bytearray(Bytes bytes) {
  return PyByteArray_FromStringAndSize(reinterpret_cast<const char*>(bytes.data()),
                                       static_cast<Py_ssize_t>(bytes.size()));
}

/// A line of a table of attributes that can be read only.
constexpr PyGetSetDef attribute(const char* name, getter get, const char* doc) {
  return {name, get, nullptr, doc, nullptr};
}
inline constexpr PyGetSetDef no_more_attributes{nullptr, nullptr, nullptr, nullptr, nullptr};

// The attributes, a table for each kind of object.
extern PyGetSetDef common_attributes[];
extern PyGetSetDef internet_attributes[];
extern PyGetSetDef ip_attributes[];
extern PyGetSetDef ip6_attributes[];
extern PyGetSetDef tcp_attributes[];
extern PyGetSetDef udp_attributes[];
extern PyGetSetDef icmp_attributes[];
extern PyGetSetDef sctp_attributes[];
extern PyMethodDef internet_methods[];
extern PyMethodDef tcp_methods[];

}  // namespace spiderling::python
