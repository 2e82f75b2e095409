#include "python/chef_modules.h"

#include <algorithm>
#include <filesystem>

#include "base/log.h"
#include "python/module_import.h"
#include "python/ref.h"

namespace spiderling::python {

namespace {

// A chef's class, and the description that a kitchen takes it on by; both stay.
struct PythonChef {
  std::string name;
  Ref chef_class;
  ChefDescription description;
};

bool is_true(PyObject* object, const char* name, bool unless_it_has_none) {
  const Ref value = attribute(object, name);
  if (!value) return unless_it_has_none;
  const int truth = PyObject_IsTrue(value.get());
  if (truth < 0) PyErr_Clear();
  return truth != 0;
}

// Classes that came with netdumplings are its own module's chefs, though others may import them to build on.
bool is_chef_of(PyObject* object, PyObject* base, const std::string& module) {
  if (!PyType_Check(object) || object == base) return false;
  if (PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(object), reinterpret_cast<PyTypeObject*>(base)) == 0)
    return false;
  constexpr std::string_view ours = "netdumplings";
  const std::string made_in = text_of(attribute(object, "__module__").get());
  return module.starts_with(ours) || (made_in != ours && !made_in.starts_with("netdumplings."));
}

const ChefDescription* describe(PyObject* chef_class) {
  auto* chef =
      new PythonChef{text_of(attribute(chef_class, "__name__").get()), Ref::borrowed(chef_class), {}};
  chef->description = {
      .name = chef->name.c_str(),
      .wants = Layers::any,
      .filter = "",
      .assignable_to_kitchen = is_true(chef_class, "assignable_to_kitchen", true),
      .has_packet_handler = true,
      .has_interval_handler = true,
      .create = []() -> std::unique_ptr<Chef> {
        throw std::runtime_error("chefs in Python cannot be run yet");
      },
  };
  return &chef->description;
}

void add_chefs_of(PyObject* module, PyObject* base, ChefModule& into) {
  PyObject* names = PyModule_GetDict(module);  // borrowed
  PyObject *key = nullptr, *value = nullptr;
  const std::string name = text_of(attribute(module, "__name__").get());
  for (Py_ssize_t at = 0; PyDict_Next(names, &at, &key, &value) != 0;) {
    if (text_of(key).starts_with("_") || !is_chef_of(value, base, name)) continue;
    into.chefs.push_back(describe(value));
  }
}

}  // namespace

ChefModule load_chef_module(const std::string& name) {
  ChefModule module{name, {}, {}};
  const Ref netdumplings(PyImport_ImportModule("netdumplings"));
  const std::string missing = netdumplings ? "" : take_exception().text;
  const Ref base = netdumplings ? attribute(netdumplings.get(), "DumplingChef") : Ref();
  const auto imported =
      import_modules(name, base ? Names{{"netdumplings", netdumplings}, {"DumplingChef", base}} : Names{});
  if (!imported) {
    module.problem = imported.error().message;
  } else if (!base) {
    module.problem = fmt::format("chefs in Python need the package netdumplings: {}", missing);
  } else {
    for (const Ref& one : *imported) add_chefs_of(one.get(), base.get(), module);
    std::ranges::sort(module.chefs, {},
                      [](const ChefDescription* chef) { return std::string_view(chef->name); });
  }
  return module;
}

}  // namespace spiderling::python
