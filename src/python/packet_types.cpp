#include "python/module.h"

namespace spiderling::python {

bool add_packet_types(PyObject* /*module*/) { return true; }

}  // namespace spiderling::python
