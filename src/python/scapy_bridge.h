// The real scapy, for what is not answered for natively. It is imported when it is first needed.
#pragma once

#include <Python.h>

#include "python/packet_object.h"
#include "python/ref.h"

namespace spiderling::python {

/// Somebody has imported it; only then can there be classes of it to ask with.
bool scapy_is_loaded();

/// The layer of scapy's own packet that this layer is, made when first asked for. Nothing: an exception is
/// set.
Ref real_layer(const LayerObject& layer);

/// scapy's class of this kind. Nothing: an exception is set. LayerKind::Unknown: that of no layer.
Ref scapy_class(LayerKind kind);
/// scapy's NoPayload().
Ref scapy_no_payload();

/// A value of flags, as scapy has them: `names` is a text of one letter a bit, or a list. A new reference.
PyObject* new_flag_value(unsigned long value, PyObject* names);

/// False if chefs have taught scapy layers of their own, or bound others (bind_layers()): then all packets
/// are its own, so that they are cut as it would. Cheap enough for once a batch.
bool scapy_cuts_as_ever();

}  // namespace spiderling::python
