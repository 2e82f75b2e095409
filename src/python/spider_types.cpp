#include "python/module.h"
#include "python/spider_call.h"

namespace spiderling::python {

bool add_spider_types(PyObject* module) { return make_worker_type() && add_measurement_type(module); }

}  // namespace spiderling::python
