// haslayer(), getlayer() and their like.
#pragma once

#include <Python.h>

#include "python/packet_object.h"

namespace spiderling::python {

/// What somebody asks for a layer by: a name, or a class of scapy's.
struct LayerNeedle {
  std::uint32_t kinds = 0;  ///< bit_of() each that it means
  bool known = true;        ///< false: it may also mean a layer of which only scapy knows
  bool has_dot = false;     ///< "IP.src", and "802.1Q": getlayer() takes it apart by rules of scapy's own
};
LayerNeedle needle_of(PyObject* asked);

/// packet.haslayer(asked): True, or 0 as scapy says it. nullptr: an exception is set.
PyObject* has_layer(const LayerObject& layer, PyObject* asked);
/// packet.getlayer(asked): a layer, or None.
PyObject* get_layer(const LayerObject& layer, PyObject* asked);

}  // namespace spiderling::python
