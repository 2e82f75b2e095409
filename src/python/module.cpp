#include "python/module.h"

namespace {

PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    "_spiderling",
    "The engine of spiderling, for its packages netdumplings and pathspider.",
    -1,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
};

bool fill(PyObject* module) {
  using namespace spiderling::python;
  return PyModule_AddStringConstant(module, "__version__", SPIDERLING_VERSION) == 0 &&
         add_packet_types(module) && add_packet_source(module) && add_observer_types(module) &&
         add_spider_types(module) && (add_testing_types == nullptr || add_testing_types(module));
}

}  // namespace

PyMODINIT_FUNC PyInit__spiderling() {
  PyObject* module = PyModule_Create(&definition);
  if (module != nullptr && !fill(module)) Py_CLEAR(module);
  return module;
}
