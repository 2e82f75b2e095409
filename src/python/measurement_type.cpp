// _spiderling.Measurement: a native measurement's description and its combiner, for a Python program.
#include <optional>

#include "flows/chain_set.h"
#include "plugins/registry.h"
#include "python/merged_dicts.h"
#include "python/module.h"
#include "python/own_options.h"
#include "spiders/combiner.h"

namespace spiderling::python {

namespace {

PyObject* new_text(std::string_view text) {
  return PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
}

// What the object keeps. Its functions run with the interpreter's lock: a combiner waits for nothing.
struct Known {
  Known(const MeasurementDescription& what, ChainSet set)
      : description(what), measurement(what.create()), chains(std::move(set)), flows(chains) {}

  const MeasurementDescription& description;
  std::unique_ptr<Measurement> measurement;
  ChainSet chains;
  MergedDicts flows;
};

struct MeasurementObject {
  PyObject_HEAD Known* known;
};
Known& known_of(PyObject* self) { return *reinterpret_cast<MeasurementObject*>(self)->known; }

Known* make(const MeasurementDescription& description) {
  const std::vector<std::string> names(description.chains.begin(), description.chains.end());
  const auto chains = Registry::built_in().chains(names);
  auto set = chains ? ChainSet::make(*chains) : tl::unexpected(chains.error());
  if (!set) throw std::runtime_error(set.error().message);
  auto known = std::make_unique<Known>(description, std::move(*set));
  if (const auto bound = bind_flow_fields(*known->measurement, known->chains); !bound)
    throw std::runtime_error(bound.error().message);
  return known.release();
}

PyObject* create(PyTypeObject* type, PyObject* arguments, PyObject* named) {
  static const char* names[] = {"name", "options", nullptr};
  const char* name = nullptr;
  PyObject* options = nullptr;
  if (PyArg_ParseTupleAndKeywords(arguments, named, "s|O!", const_cast<char**>(names), &name, &PyDict_Type,
                                  &options) == 0)
    return nullptr;
  const MeasurementDescription* description = Registry::built_in().measurement(name);
  if (description == nullptr)
    return fail(PyExc_ValueError, std::string("there is no native measurement '") + name + "'");
  PyObject* made = type->tp_alloc(type, 0);
  if (made == nullptr) return nullptr;
  Ref held(made);
  try {
    reinterpret_cast<MeasurementObject*>(made)->known = make(*description);
  } catch (const std::exception& problem) {
    return fail(PyExc_RuntimeError, problem.what());
  }
  if (options != nullptr && !set_options(*known_of(made).measurement, options)) return nullptr;
  return held.release();
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete reinterpret_cast<MeasurementObject*>(self)->known;
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* combine_flows(PyObject* self, PyObject* flows) {
  const Known& known = known_of(self);
  MergedJob job;
  if (!known.flows.read(flows, job)) return nullptr;
  const std::size_t wanted = known.measurement->runs().size();
  if (job.connections.size() != wanted) {
    return fail(PyExc_ValueError, fmt::format("{} concludes from {} flows, not from {}",
                                              known.description.name, wanted, job.connections.size()));
  }
  Ref list(PyList_New(0));
  for (const Condition& one : combine(*known.measurement, job)) {
    const Ref text(list ? new_text(one.to_string()) : nullptr);
    if (!text || PyList_Append(list.get(), text.get()) != 0) return nullptr;
  }
  return list.release();
}

template <class Things, class Say>
PyObject* new_tuple(const Things& things, const Say& say) {
  Ref tuple(PyTuple_New(static_cast<Py_ssize_t>(things.size())));
  Py_ssize_t at = 0;
  for (const auto& thing : things) {
    PyObject* one = tuple ? say(thing) : nullptr;
    if (one == nullptr) return nullptr;
    PyTuple_SET_ITEM(tuple.get(), at++, one);
  }
  return tuple.release();
}

template <auto Member>
PyObject* text_member(PyObject* self, void*) {
  return PyUnicode_FromString(known_of(self).description.*Member);
}
PyObject* chains(PyObject* self, void*) {
  return new_tuple(known_of(self).description.chains, [](const char* one) { return new_text(one); });
}
PyObject* connect_supported(PyObject* self, void*) {
  return new_tuple(known_of(self).description.connect_supported,
                   [](ConnectMode one) { return new_text(name_of(one)); });
}
PyObject* conditions(PyObject* self, void*) {
  return new_tuple(known_of(self).description.conditions,
                   [](const ConditionMeaning& one) { return Py_BuildValue("(ss)", one.name, one.meaning); });
}
PyObject* runs(PyObject* self, void*) {
  return new_tuple(known_of(self).measurement->runs(),
                   [](const Configuration& one) { return new_text(one.name); });
}
PyObject* options(PyObject* self, void*) { return describe_options(*known_of(self).measurement); }

PyMethodDef methods[] = {
    {"combine", combine_flows, METH_O,
     "combine(flows): the conditions of one job, from its flows in their order, dicts with `observed` and "
     "`spdr_state`."},
    {nullptr, nullptr, 0, nullptr},
};
PyGetSetDef attributes[] = {
    {"name", text_member<&MeasurementDescription::name>, nullptr, nullptr, nullptr},
    {"description", text_member<&MeasurementDescription::description>, nullptr, nullptr, nullptr},
    {"version", text_member<&MeasurementDescription::version>, nullptr, nullptr, nullptr},
    {"chains", chains, nullptr, "names", nullptr},
    {"connect_supported", connect_supported, nullptr, "what --connect takes; the first is the default",
     nullptr},
    {"conditions", conditions, nullptr, "(name, meaning) of each that it may give", nullptr},
    {"runs", runs, nullptr, "names of its configurations, connections or packets", nullptr},
    {"options", options, nullptr, "(name, kind, default, meaning) of each option of its own", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

}  // namespace

bool add_measurement_type(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_new, reinterpret_cast<void*>(create)},
      {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
      {Py_tp_methods, methods},
      {Py_tp_getset, attributes},
      {Py_tp_doc, const_cast<char*>("Measurement(name, options={}): a native measurement.")},
      {0, nullptr}};
  PyType_Spec spec = {"_spiderling.Measurement", sizeof(MeasurementObject), 0, Py_TPFLAGS_DEFAULT, slots};
  const Ref type(PyType_FromModuleAndSpec(module, &spec, nullptr));
  return type && PyModule_AddType(module, reinterpret_cast<PyTypeObject*>(type.get())) == 0;
}

}  // namespace spiderling::python
