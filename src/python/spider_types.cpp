#include <iterator>
#include <string_view>

#include "jobs/job_fields.h"
#include "python/module.h"
#include "python/ref.h"
#include "python/spider_call.h"

namespace spiderling::python {

namespace {

// For pathspider: what a plugin puts into a job under these names is not taken.
bool add_members_of_results(PyObject* module) {
  const Ref names(PyTuple_New(std::size(members_of_results)));
  Py_ssize_t at = 0;
  for (const std::string_view name : members_of_results) {
    PyObject* text =
        names ? PyUnicode_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size())) : nullptr;
    if (text == nullptr) return false;
    PyTuple_SET_ITEM(names.get(), at++, text);
  }
  return PyModule_AddObjectRef(module, "members_of_results", names.get()) == 0;
}

}  // namespace

bool add_spider_types(PyObject* module) {
  return make_worker_type() && add_measurement_type(module) && add_members_of_results(module);
}

}  // namespace spiderling::python
