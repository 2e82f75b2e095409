// The fields of layers, under scapy's names and with its types of values.
#pragma once

#include <Python.h>

#include <span>

#include "python/packet_object.h"

namespace spiderling::python {

struct LayerField {
  const char* name;
  /// A new reference. nullptr: an exception is set, or, if none is, only scapy knows the value.
  PyObject* (*get)(const LayerObject& layer);
  PyObject* interned = nullptr;  ///< the name as Python's own object
};

/// In scapy's order. After intern_field_names().
std::span<const LayerField> fields_of(LayerKind kind);
/// Once. False: an exception is set.
bool intern_field_names();

/// scapy's name of a layer: "Ethernet", "802.1Q", "IP".
const char* display_name(LayerKind kind);
/// The name of its class: "Ether", "Dot1Q", "IP".
const char* class_name(LayerKind kind);

}  // namespace spiderling::python
