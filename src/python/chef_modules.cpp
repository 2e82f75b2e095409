#include "python/chef_modules.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

#include "base/log.h"
#include "python/module_import.h"
#include "python/python_chef.h"
#include "python/ref.h"

namespace spiderling::python {

namespace {

// A chef's class, and the description that a kitchen takes it on by; both stay.
struct PythonChefClass {
  std::string name;
  std::string filter;
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

// A handler that is not overridden is never called.
bool has_own(PyObject* chef_class, PyObject* base, const char* handler) {
  const Ref own = attribute(chef_class, handler);
  const Ref inherited = attribute(base, handler);
  return own && own.get() != inherited.get();
}

// A filter of libpcap; other things of that name are the chef's own.
std::string filter_of(PyObject* chef_class) {
  const Ref filter = attribute(chef_class, "filter");
  return filter && PyUnicode_Check(filter.get()) ? text_of(filter.get()) : "";
}

std::optional<Layers> layer_named(const std::string& name) {
  static const std::map<std::string_view, Layers> known = {
      {"ARP", Layers::arp}, {"IP", Layers::ip4},    {"IPv6", Layers::ip6}, {"TCP", Layers::tcp},
      {"UDP", Layers::udp}, {"ICMP", Layers::icmp}, {"DNS", Layers::dns},
  };
  const auto at = known.find(name);
  return at == known.end() ? std::nullopt : std::optional(at->second);
}

// `wants = "DNS"`, or a tuple, list or set of such names; other things of that name are the chef's own.
Layers wants_of(PyObject* chef_class) {
  const Ref wants = attribute(chef_class, "wants");
  const bool is_some = wants && (PyUnicode_Check(wants.get()) || PyTuple_Check(wants.get()) ||
                                 PyList_Check(wants.get()) || PyAnySet_Check(wants.get()));
  if (!is_some) return Layers::any;
  const Ref names(PyUnicode_Check(wants.get()) ? PyTuple_Pack(1, wants.get())
                                               : PySequence_Tuple(wants.get()));
  Layers all{};
  for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names.get()); ++i) {
    const std::string name = text_of(PyTuple_GET_ITEM(names.get(), i));
    const auto layer = layer_named(name);
    if (!layer) {
      log::warning("a chef wants a layer that there is not; it gets every packet", {{"layer", name}});
      return Layers::any;
    }
    all = all | *layer;
  }
  return all == Layers{} ? Layers::any : all;
}

}  // namespace

std::shared_ptr<const ChefDescription> describe_chef(PyObject* chef_class, PyObject* base) {
  auto made =
      std::make_shared<PythonChefClass>(PythonChefClass{text_of(attribute(chef_class, "__name__").get()),
                                                        filter_of(chef_class),
                                                        Ref::borrowed(chef_class),
                                                        {}});
  PythonChefClass* const chef = made.get();
  const bool on_packet = has_own(chef_class, base, "packet_handler");
  const bool on_interval = has_own(chef_class, base, "interval_handler");
  chef->description = {
      .name = chef->name.c_str(),
      .wants = wants_of(chef_class),
      .filter = chef->filter.c_str(),
      .assignable_to_kitchen = is_true(chef_class, "assignable_to_kitchen", true),
      .has_packet_handler = on_packet,
      .has_interval_handler = on_interval,
      .create = [=]() -> std::unique_ptr<Chef> {
        return std::make_unique<PythonChef>(chef->chef_class.get(), on_packet, on_interval);
      },
  };
  return {std::move(made), &chef->description};
}

namespace {

void add_chefs_of(PyObject* module, PyObject* base, ChefModule& into) {
  PyObject* names = PyModule_GetDict(module);  // borrowed
  PyObject *key = nullptr, *value = nullptr;
  const std::string name = text_of(attribute(module, "__name__").get());
  for (Py_ssize_t at = 0; PyDict_Next(names, &at, &key, &value) != 0;) {
    if (text_of(key).starts_with("_") || !is_chef_of(value, base, name)) continue;
    static auto& all = *new std::vector<std::shared_ptr<const ChefDescription>>;  // what is loaded stays
    into.chefs.push_back(all.emplace_back(describe_chef(value, base)).get());
  }
}

}  // namespace

ChefModule load_chef_module(const std::string& name) {
  ChefModule module{name, {}, {}};
  const Ref ours(PyImport_ImportModule("_spiderling"));  // makes the types of packets
  if (!ours) {
    module.problem = take_exception().text;
    return module;
  }
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
