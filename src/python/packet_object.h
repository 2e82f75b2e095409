// Packets as chefs in Python see them: objects that answer as scapy's do.
#pragma once

#include <Python.h>

#include <memory>

#include "python/ref.h"
#include "python/scapy_layers.h"
#include "spiderling/packet.h"

namespace spiderling::python {

/// One packet, shared by the objects of its layers, and counted by them under the interpreter's lock.
struct PacketBox {
  std::size_t layer_objects = 0;
  Bytes data;
  std::int64_t time_ns = 0;
  std::uint32_t wire_length = 0;
  LinkType link_type = LinkType::ethernet;
  ScapyLayers layers;
  Ref real;                             ///< scapy's own packet, once something was asked that only it knows
  bool changed = false;                 ///< somebody has set something in it: only `real` is true now
  std::unique_ptr<std::uint8_t[]> own;  ///< the bytes, once the packet is kept

  double time_seconds() const { return to_seconds(Timestamp(std::chrono::nanoseconds(time_ns))); }
  /// `data` becomes a copy of its own.
  void keep();
};

struct LayerObject {
  PyObject_HEAD PacketBox* box;
  std::uint8_t index;  ///< in box->layers.spans; of a DNSQR in its questions
  LayerKind kind;

  const LayerSpan& span() const { return box->layers.spans[index]; }
  const std::uint8_t* bytes() const { return box->data.data() + span().begin; }
};
inline LayerObject* layer_of(PyObject* object) { return reinterpret_cast<LayerObject*>(object); }
bool is_layer(PyObject* object);

/// nullptr: a Python exception is set.
PyObject* new_layer(PacketBox* box, LayerKind kind, std::uint8_t index);
/// What follows a layer, natively where that is known. A new reference; nullptr: an exception.
PyObject* payload_of(const LayerObject& layer);

/// Lends packets to handlers, one at a time: the same object again and again, unless a handler has kept it,
/// or a layer of it. One thread; every call with the interpreter's lock.
///
///     PacketLender lender;
///     PyObject* packet = lender.lend(bytes, time_ns, wire_length, link_type);   // borrowed; nullptr: an
///     exception is set
///     ... the handler ...
///     lender.take_back();
class PacketLender {
 public:
  PacketLender() = default;
  ~PacketLender() { end(); }
  PacketLender(const PacketLender&) = delete;
  PacketLender& operator=(const PacketLender&) = delete;

  PyObject* lend(Bytes data, std::int64_t time_ns, std::uint32_t wire_length, LinkType link_type);
  void take_back();
  /// Before it is destroyed, unless that is done with the lock.
  void end() { Py_CLEAR(lent_); }

 private:
  PyObject* lent_ = nullptr;
};

}  // namespace spiderling::python
