// The types of layer objects.
#pragma once

#include <Python.h>

#include "python/packet_object.h"

namespace spiderling::python {

/// After add_packet_types().
PyTypeObject* layer_type(LayerKind kind);

/// Looked at anew once a batch: chefs have taught scapy other ways to cut packets, see scapy_cuts_as_ever().
bool scapy_is_bound_otherwise();
void look_at_scapys_bindings();

}  // namespace spiderling::python
