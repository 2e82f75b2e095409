#include "python/module.h"

namespace spiderling::python {

bool add_observer_types(PyObject* /*module*/) { return true; }

}  // namespace spiderling::python
