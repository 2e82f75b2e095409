#include "python/chain_modules.h"

#include <algorithm>
#include <map>

#include "base/log.h"
#include "plugins/registry.h"
#include "python/headers.h"
#include "python/module_import.h"
#include "python/python_chain.h"
#include "spiderling/builder.h"
#include "wire/dissect.h"

namespace spiderling::python {

namespace {

Ref hook_of(PyObject* object, const char* name) {
  Ref hook = attribute(object, name);
  if (hook && PyCallable_Check(hook.get()) == 0) return {};
  return hook;
}

// A class of this module that derives from pathspider's Chain, or has what makes one.
bool is_chain_class(PyObject* object, PyObject* base, const std::string& module) {
  if (!PyType_Check(object) || object == base) return false;
  if (text_of(attribute(object, "__module__").get()) != module) return false;
  auto* type = reinterpret_cast<PyTypeObject*>(object);
  if (base != nullptr && PyType_IsSubtype(type, reinterpret_cast<PyTypeObject*>(base)) != 0) return true;
  const auto has = [&](const char* name) { return static_cast<bool>(hook_of(object, name)); };
  return has("new_flow") && std::any_of(hook_names.begin() + 1, hook_names.end(), has);
}

// As PATHspider lists them: BasicChain is basic.
std::string chain_name_of(std::string class_name) {
  std::ranges::transform(class_name, class_name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  constexpr std::string_view suffix = "chain";
  if (class_name.ends_with(suffix) && class_name.size() > suffix.size())
    class_name.resize(class_name.size() - suffix.size());
  return class_name;
}

std::string first_line(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\n");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find('\n', begin) - begin);
}

using Fields = std::vector<std::pair<std::string, std::string>>;

void add_field(Fields& fields, const std::string& name, const std::string& meaning) {
  const auto known = std::ranges::any_of(fields, [&](const auto& one) { return one.first == name; });
  if (!known) fields.emplace_back(name, meaning);
}

// `fields` of the class: {name: meaning}, or a sequence of names.
bool declared_fields(PyObject* chain, const std::string& meaning, Fields& fields) {
  const Ref declared = attribute(chain, "fields");
  if (!declared || PyCallable_Check(declared.get()) != 0) return false;
  if (PyDict_Check(declared.get())) {
    PyObject *key = nullptr, *value = nullptr;
    for (Py_ssize_t at = 0; PyDict_Next(declared.get(), &at, &key, &value) != 0;)
      add_field(fields, text_of(key), text_of(value));
    return true;
  }
  const Ref names(PySequence_Fast(declared.get(), "fields"));
  if (!names) {
    PyErr_Clear();
    return false;
  }
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(names.get()); ++i)
    add_field(fields, text_of(PySequence_Fast_GET_ITEM(names.get(), i)), meaning);
  return true;
}

// What new_flow puts into the record of a first packet.
void try_new_flow(PyObject* new_flow, const Packet& packet, const std::string& meaning, Fields& fields) {
  const PacketShare share(packet);
  const HeaderKind kind = packet.ip_version() == IpVersion::v4 ? HeaderKind::ip : HeaderKind::ip6;
  const Ref rec(PyDict_New()), ip(new_header(kind, share.held()));
  const Ref times = rec ? Ref(PyFloat_FromDouble(packet.time_seconds())) : Ref();
  if (!ip || !times || PyDict_SetItemString(rec.get(), "pkt_first", times.get()) != 0) return PyErr_Clear();
  const Ref returned(PyObject_CallFunctionObjArgs(new_flow, rec.get(), ip.get(), nullptr));
  if (!returned) return PyErr_Clear();  // it will say so again when it matters
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(rec.get(), &at, &key, &value) != 0;) {
    const std::string name = text_of(key);
    if (name != "pkt_first" && name != "pkt_last") add_field(fields, name, meaning);
  }
}

Fields tried_fields(PyObject* new_flow, const std::string& meaning) {
  Fields fields;
  const auto from4 = *IpAddress::parse("192.0.2.1"), to4 = *IpAddress::parse("198.51.100.1");
  const auto from6 = *IpAddress::parse("2001:db8::1"), to6 = *IpAddress::parse("2001:db8::2");
  PacketBuffer<128> syn, datagram;
  syn.ip4({.source = from4, .destination = to4})
      .tcp({.source_port = 40000, .destination_port = 80, .flags = tcp_flag::syn});
  datagram.ip6({.source = from6, .destination = to6}).udp({.source_port = 40000, .destination_port = 53});
  for (PacketBuilder* builder : {static_cast<PacketBuilder*>(&syn), static_cast<PacketBuilder*>(&datagram)}) {
    const auto bytes = builder->finish();
    if (!bytes) continue;
    Packet packet;
    Dissector::dissect_ip(packet, *bytes, static_cast<std::uint32_t>(bytes->size()), 0);
    try_new_flow(new_flow, packet, meaning, fields);
  }
  return fields;
}

// A description that stays; a chain that is shipped is the native one.
Result<const ChainDescription*> describe(PyObject* chain_class) {
  const std::string class_name = text_of(attribute(chain_class, "__name__").get());
  PyObject* own = reinterpret_cast<PyTypeObject*>(chain_class)->tp_dict;
  if (PyObject* native = PyDict_GetItemString(own, "_native"))
    return Registry::built_in().chain(text_of(native));
  const Ref chain(PyObject_CallNoArgs(chain_class));
  if (!chain) return error("{}() failed: {}", class_name, take_exception().text);
  const Ref doc = attribute(chain_class, "__doc__");
  ChainParts parts{
      .name = chain_name_of(class_name),
      .description = doc && doc.get() != Py_None ? first_line(text_of(doc.get())) : "a chain in Python",
      .hooks = {}};
  for (std::size_t i = 0; i < hook_names.size(); ++i) parts.hooks[i] = hook_of(chain.get(), hook_names[i]);
  const std::string meaning = "of " + class_name;
  if (!declared_fields(chain.get(), meaning, parts.fields) && parts.hooks[0])
    parts.fields = tried_fields(parts.hooks[0].get(), meaning);
  static std::vector<std::shared_ptr<const PythonChain>> all;
  all.push_back(PythonChain::make(std::move(parts)));
  return &all.back()->description();
}

void add_chains_of(PyObject* module, PyObject* base, PythonChains& found) {
  PyObject* names = PyModule_GetDict(module);  // borrowed
  const std::string own_name = text_of(attribute(module, "__name__").get());
  PyObject *key = nullptr, *value = nullptr;
  std::vector<Ref> classes;  // making one may change the module
  for (Py_ssize_t at = 0; PyDict_Next(names, &at, &key, &value) != 0;) {
    if (!text_of(key).starts_with("_") && is_chain_class(value, base, own_name))
      classes.push_back(Ref::borrowed(value));
  }
  for (const Ref& one : classes) {
    if (const auto description = describe(one.get())) {
      found.usable.push_back(*description);
    } else {
      found.unusable.push_back(
          {text_of(attribute(one.get(), "__name__").get()), description.error().message});
    }
  }
}

Result<PythonChains> find_chains(const std::string& module) {
  const Ref types(PyImport_ImportModule("_spiderling"));  // headers are made of them
  if (!types) return error("{}", take_exception().text);
  const Ref package(PyImport_ImportModule("pathspider.chains.base"));
  const Ref base = package ? attribute(package.get(), "Chain") : Ref();
  if (!package) PyErr_Clear();
  const auto imported = import_modules(module, {});
  if (!imported) return tl::unexpected(imported.error());
  PythonChains found;
  for (const Ref& one : *imported) add_chains_of(one.get(), base.get(), found);
  if (found.usable.empty() && found.unusable.empty())
    return error("no chain is defined in it: a class that derives from pathspider.chains.base.Chain");
  return found;
}

}  // namespace

Result<PythonChains> load_chains(const std::string& module) {
  static std::map<std::string, PythonChains> loaded;
  if (const auto known = loaded.find(module); known != loaded.end()) return known->second;
  auto found = find_chains(module);
  if (found) loaded.emplace(module, *found);
  return found;
}

}  // namespace spiderling::python
