#include "python/observer_chains.h"

#include <algorithm>
#include <set>
#include <string>

#include "plugins/registry.h"

namespace spiderling::python {

namespace {

bool read_hooks(PyObject* given, ChainParts& parts) {
  if (!PyDict_Check(given)) return fail(PyExc_TypeError, "the hooks of a chain are a dict");
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(given, &at, &key, &value) != 0;) {
    const std::string name = text_of(key);
    const auto hook =
        std::ranges::find(hook_names, name, [](const char* one) { return std::string_view(one); });
    if (hook == hook_names.end()) return fail(PyExc_ValueError, "a chain has no hook " + name);
    if (PyCallable_Check(value) == 0)
      return fail(PyExc_TypeError, parts.name + "." + name + " cannot be called: " + text_of(value));
    parts.hooks[static_cast<std::size_t>(hook - hook_names.begin())] = Ref::borrowed(value);
  }
  return true;
}

bool read_one(PyObject* spec, RecordForm form, ObserverChains& chains) {
  if (PyUnicode_Check(spec)) {
    const auto native = Registry::built_in().chain(text_of(spec));
    if (!native) return fail(PyExc_ValueError, native.error().message);
    chains.all.push_back(*native);
    return true;
  }
  if (!PyTuple_Check(spec) || PyTuple_GET_SIZE(spec) != 2)
    return fail(PyExc_TypeError, "a chain is the name of a native one, or a tuple (name, hooks)");
  ChainParts parts{
      .name = text_of(PyTuple_GET_ITEM(spec, 0)), .description = "", .hooks = {}, .fields = {}, .form = form};
  if (!read_hooks(PyTuple_GET_ITEM(spec, 1), parts)) return false;
  chains.in_python.push_back(PythonChain::make(std::move(parts)));
  chains.all.push_back(&chains.in_python.back()->description());
  return true;
}

}  // namespace

bool read_chains(PyObject* specs, RecordForm form, ObserverChains& chains) {
  const Ref all(PySequence_Fast(specs, "chains are a sequence"));
  if (!all) return false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(all.get()); ++i) {
    if (!read_one(PySequence_Fast_GET_ITEM(all.get(), i), form, chains)) return false;
  }
  return true;
}

}  // namespace spiderling::python
