#include "python/module.h"
#include "python/spider_call.h"

namespace spiderling::python {

bool add_spider_types(PyObject* /*module*/) { return make_worker_type(); }

}  // namespace spiderling::python
