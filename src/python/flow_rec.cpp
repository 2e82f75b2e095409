#include "python/flow_rec.h"

#include <array>
#include <cmath>
#include <utility>

#include "flows/chain_set.h"
#include "python/python_chain.h"

namespace spiderling::python {

namespace {

template <class T>
T load(const std::uint8_t* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

PyObject* new_text(const IpAddress& address) {
  if (address.version == IpVersion::none) return Py_NewRef(Py_None);
  char text[max_address_text];
  return PyUnicode_FromStringAndSize(text, format_address(address, text) - text);
}

using Shown = std::vector<std::pair<Ref, Ref>>;  // names and values

struct RecObject {
  PyDictObject dict;
  const NativeFields* natives;  // nullptr: it borrows nothing
  const std::uint8_t* states;
  Timestamp first;
  Timestamp last;
  Shown* shown;  // what was put in to be complete, and is taken out again before native chains go on
  RecordForm form;
};

PyTypeObject* rec_type = nullptr;
RecObject* rec_of(PyObject* self) { return reinterpret_cast<RecObject*>(self); }

// The names of times, interned.
struct TimeNames {
  PyObject* pkt_first = PyUnicode_InternFromString("pkt_first");
  PyObject* pkt_last = PyUnicode_InternFromString("pkt_last");
  PyObject* first = PyUnicode_InternFromString("first");
  PyObject* last = PyUnicode_InternFromString("last");
};
const TimeNames& time_names() {
  static const TimeNames names;
  return names;
}

bool is(PyObject* key, PyObject* name) {
  return key == name || (PyUnicode_CheckExact(key) && PyUnicode_Compare(key, name) == 0);
}

// A time of this name; nullptr without an exception: it is no time's.
PyObject* time_of(const RecObject& rec, PyObject* key) {
  if (!PyUnicode_Check(key)) return nullptr;
  const TimeNames& names = time_names();
  const bool old = rec.form == RecordForm::functions;
  if (is(key, names.pkt_first) || (old && is(key, names.first)))
    return PyFloat_FromDouble(to_seconds(rec.first));
  if (is(key, names.pkt_last) || (old && is(key, names.last)))
    return PyFloat_FromDouble(to_seconds(rec.last));
  return nullptr;
}

// What native chains say; nullptr without an exception: nothing.
PyObject* native_value(PyObject* self, PyObject* key) {
  const RecObject* rec = rec_of(self);
  if (rec->natives == nullptr) return nullptr;
  if (const auto* one = rec->natives->find(key))
    return new_value(one->field, rec->states + one->state_offset);
  if (PyErr_Occurred() != nullptr) return nullptr;
  return time_of(*rec, key);
}

// New reference; nullptr without an exception: not there.
PyObject* find(PyObject* self, PyObject* key) {
  if (PyObject* own = PyDict_GetItemWithError(self, key)) return Py_NewRef(own);
  return PyErr_Occurred() != nullptr ? nullptr : native_value(self, key);
}

bool show(PyObject* self, PyObject* name, PyObject* value) {
  Ref held(value);
  if (!held) return false;
  if (PyDict_SetItem(self, name, value) != 0) return false;
  rec_of(self)->shown->emplace_back(Ref::borrowed(name), std::move(held));
  return true;
}

// Those that were put in and not changed since go out again.
void hide(PyObject* self) {
  RecObject* rec = rec_of(self);
  if (rec->shown == nullptr) return;
  for (const auto& [name, value] : *rec->shown) {
    if (PyDict_GetItemWithError(self, name.get()) != value.get()) continue;
    if (PyDict_DelItem(self, name.get()) != 0) PyErr_Clear();
  }
  delete std::exchange(rec->shown, nullptr);
}

// Really in it, since json.dumps() looks past a dict's methods to see whether it is empty.
void put_first(PyObject* self) {
  const Ref first(PyFloat_FromDouble(to_seconds(rec_of(self)->first)));
  if (!first || PyDict_SetItem(self, time_names().pkt_first, first.get()) != 0) PyErr_Clear();
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete std::exchange(rec_of(self)->shown, nullptr);
  PyDict_Type.tp_dealloc(self);
  Py_DECREF(type);
}

PyObject* subscript(PyObject* self, PyObject* key) {
  PyObject* found = find(self, key);
  if (found == nullptr && PyErr_Occurred() == nullptr) PyErr_SetObject(PyExc_KeyError, key);
  return found;
}

int contains(PyObject* self, PyObject* key) {
  const Ref found(find(self, key));
  return found ? 1 : PyErr_Occurred() != nullptr ? -1 : 0;
}

PyObject* get(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  if (count < 1 || count > 2) return fail(PyExc_TypeError, "get expected 1 or 2 arguments");
  PyObject* found = find(self, arguments[0]);
  if (found != nullptr || PyErr_Occurred() != nullptr) return found;
  return Py_NewRef(count == 2 ? arguments[1] : Py_None);
}

Py_ssize_t length(PyObject* self) { return FlowRec::complete(self) ? PyDict_Size(self) : -1; }
PyObject* iterate(PyObject* self) { return FlowRec::complete(self) ? PyDict_Type.tp_iter(self) : nullptr; }
PyObject* repr(PyObject* self) { return FlowRec::complete(self) ? PyDict_Type.tp_repr(self) : nullptr; }
PyObject* either(PyObject* a, PyObject* b) {
  for (PyObject* one : {a, b}) {
    if (Py_IS_TYPE(one, rec_type) && !FlowRec::complete(one)) return nullptr;
  }
  return PyDict_Type.tp_as_number->nb_or(a, b);
}
PyObject* compare(PyObject* a, PyObject* b, int operation) {
  for (PyObject* one : {a, b}) {
    if (Py_IS_TYPE(one, rec_type) && !FlowRec::complete(one)) return nullptr;
  }
  return PyDict_Type.tp_richcompare(a, b, operation);
}

// dict's own method, when the record is complete.
constexpr const char* completed_methods[] = {"keys", "values",  "items",      "copy",
                                             "pop",  "popitem", "setdefault", "__reversed__"};
template <std::size_t Method>
PyObject* completed(PyObject* self, PyObject* arguments, PyObject* named) {
  if (!FlowRec::complete(self)) return nullptr;
  const Ref method(
      PyObject_GetAttrString(reinterpret_cast<PyObject*>(&PyDict_Type), completed_methods[Method]));
  const Ref first(PyTuple_Pack(1, self));
  const Ref all(first ? PySequence_Concat(first.get(), arguments) : nullptr);
  return method && all ? PyObject_Call(method.get(), all.get(), named) : nullptr;
}

template <std::size_t... Method>
auto method_table(std::index_sequence<Method...>) {
  return std::array<PyMethodDef, sizeof...(Method) + 2>{
      PyMethodDef{"get", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(get)), METH_FASTCALL,
                  nullptr},
      PyMethodDef{completed_methods[Method],
                  reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(completed<Method>)),
                  METH_VARARGS | METH_KEYWORDS, nullptr}...,
      PyMethodDef{nullptr, nullptr, 0, nullptr}};
}

}  // namespace

PyObject* new_value(const Field& field, const std::uint8_t* state) {
  if (field.nullable && field.type != FieldType::address && state[field.seen_offset] == 0)
    return Py_NewRef(Py_None);
  const std::uint8_t* at = state + field.offset;
  switch (field.type) {
    case FieldType::boolean: return Py_NewRef(*at != 0 ? Py_True : Py_False);
    case FieldType::u8: return PyLong_FromLong(*at);
    case FieldType::u16: return PyLong_FromLong(load<std::uint16_t>(at));
    case FieldType::u32: return PyLong_FromUnsignedLong(load<std::uint32_t>(at));
    case FieldType::u64: return PyLong_FromUnsignedLongLong(load<std::uint64_t>(at));
    case FieldType::i64: return PyLong_FromLongLong(load<std::int64_t>(at));
    case FieldType::f64: return PyFloat_FromDouble(load<double>(at));
    case FieldType::address: return new_text(load<IpAddress>(at));
    case FieldType::any: break;
  }
  return Py_NewRef(Py_None);
}

NativeFields::NativeFields(std::span<const PlacedChain> chains) : numbers_(PyDict_New()) {
  for (const PlacedChain& placed : chains) {
    if (placed.chain->foreign != nullptr) continue;
    for (const Field& field : placed.chain->fields) {
      const Ref number(PyLong_FromSize_t(all_.size()));
      all_.push_back({Ref(PyUnicode_InternFromString(field.name)), field, placed.state_offset});
      if (!numbers_ || !number || PyDict_SetItem(numbers_.get(), all_.back().name.get(), number.get()) != 0)
        throw std::bad_alloc();
    }
  }
}

const NativeFields::One* NativeFields::find(PyObject* name) const {
  PyObject* number = PyDict_GetItemWithError(numbers_.get(), name);
  return number == nullptr ? nullptr : &all_[PyLong_AsSize_t(number)];
}

PyObject* FlowRec::make(const NativeFields& natives, const std::uint8_t* states, Timestamp first,
                        RecordForm form) {
  static PyObject* const nothing = PyTuple_New(0);
  PyObject* made = PyDict_Type.tp_new(rec_type, nothing, nullptr);
  if (made == nullptr) return nullptr;
  RecObject* rec = rec_of(made);
  rec->natives = &natives;
  rec->states = states;
  rec->first = rec->last = first;
  rec->shown = nullptr;
  rec->form = form;
  put_first(made);
  return made;
}

void FlowRec::packet(PyObject* rec, Timestamp time) {
  RecObject* r = rec_of(rec);
  if (time < r->first) {
    r->first = time;
    put_first(rec);
  }
  r->last = std::max(r->last, time);
  if (r->shown != nullptr) hide(rec);
}

PyObject* FlowRec::own_items(PyObject* rec) {
  hide(rec);
  return rec;
}

void FlowRec::end(PyObject* rec, bool alone) {
  if (!alone && !complete(rec)) PyErr_Clear();
  RecObject* r = rec_of(rec);
  delete std::exchange(r->shown, nullptr);
  r->natives = nullptr;
  r->states = nullptr;
}

bool FlowRec::complete(PyObject* self) {
  RecObject* rec = rec_of(self);
  if (rec->natives == nullptr || rec->shown != nullptr) return true;
  rec->shown = new Shown;
  const auto add = [&](PyObject* name, auto&& value) {
    const int there = PyDict_Contains(self, name);
    return there == 1 || (there == 0 && show(self, name, value()));
  };
  for (const auto& one : rec->natives->all()) {
    if (!add(one.name.get(), [&] { return new_value(one.field, rec->states + one.state_offset); }))
      return false;
  }
  const TimeNames& names = time_names();
  for (PyObject* name : {names.pkt_first, names.pkt_last, names.first, names.last}) {
    const bool old = name == names.first || name == names.last;
    if (old && rec->form != RecordForm::functions) continue;
    if (!add(name, [&] { return time_of(*rec, name); })) return false;
  }
  return true;
}

bool add_flow_rec_type(PyObject* module) {
  static auto methods = method_table(std::make_index_sequence<std::size(completed_methods)>());
  PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
      {Py_mp_subscript, reinterpret_cast<void*>(subscript)},
      {Py_mp_length, reinterpret_cast<void*>(length)},
      {Py_sq_contains, reinterpret_cast<void*>(contains)},
      {Py_tp_iter, reinterpret_cast<void*>(iterate)},
      {Py_tp_repr, reinterpret_cast<void*>(repr)},
      {Py_tp_richcompare, reinterpret_cast<void*>(compare)},
      {Py_nb_or, reinterpret_cast<void*>(either)},
      {Py_tp_methods, methods.data()},
      {Py_tp_doc, const_cast<char*>("The record of a flow that goes on: a dict in which the fields of "
                                    "native chains are found too.")},
      {0, nullptr}};
  PyType_Spec spec = {"_spiderling.FlowRec", sizeof(RecObject), 0, Py_TPFLAGS_DEFAULT, slots};
  const Ref bases(PyTuple_Pack(1, &PyDict_Type));
  rec_type =
      reinterpret_cast<PyTypeObject*>(bases ? PyType_FromModuleAndSpec(module, &spec, bases.get()) : nullptr);
  return rec_type != nullptr && PyModule_AddType(module, rec_type) == 0;
}

namespace {

bool put(PyObject* record, PyObject* name, PyObject* value) {
  const Ref held(value);
  return held && PyDict_SetDefault(record, name, value) != nullptr;
}

bool put_failed(PyObject* record, const ChainSet& chains, FailedChains failed) {
  const Ref list(PyList_New(0));
  for (std::size_t i = 0; list && i < chains.chains().size(); ++i) {
    if (!failed.has(i)) continue;
    const Ref name(PyUnicode_FromString(chains.chains()[i].chain->name));
    if (!name || PyList_Append(list.get(), name.get()) != 0) return false;
  }
  return list && PyDict_SetItemString(record, failed_chains_field, list.get()) == 0;
}

}  // namespace

PyObject* new_record(const ChainSet& chains, const std::uint8_t* states, Timestamp first, Timestamp last,
                     RecordForm form, FailedChains failed) {
  Ref record(PyDict_New());
  const TimeNames& names = time_names();
  if (!record || !put(record.get(), names.pkt_first, PyFloat_FromDouble(to_seconds(first)))) return nullptr;
  if (form == RecordForm::functions && !put(record.get(), names.first, PyFloat_FromDouble(to_seconds(first))))
    return nullptr;
  for (const PlacedChain& placed : chains.chains()) {
    if (placed.chain->foreign != nullptr) continue;
    for (const Field& field : placed.chain->fields) {
      const Ref name(PyUnicode_InternFromString(field.name));
      if (!name || !put(record.get(), name.get(), new_value(field, states + placed.state_offset)))
        return nullptr;
    }
  }
  PyObject* rec = chains.foreign().empty() ? nullptr : PythonChain::rec_in(states, chains.foreign().front());
  if (rec != nullptr && PyDict_Update(record.get(), FlowRec::own_items(rec)) != 0) return nullptr;
  // What Python may have written under these names was the engine's to say.
  const Ref end(PyFloat_FromDouble(to_seconds(last)));
  const Ref begin(PyFloat_FromDouble(to_seconds(first)));
  if (!end || !begin || PyDict_SetItem(record.get(), names.pkt_first, begin.get()) != 0 ||
      PyDict_SetItem(record.get(), names.pkt_last, end.get()) != 0)
    return nullptr;
  if (form == RecordForm::functions && PyDict_SetItem(record.get(), names.last, end.get()) != 0)
    return nullptr;
  if (failed.any() && !put_failed(record.get(), chains, failed)) return nullptr;
  return record.release();
}

}  // namespace spiderling::python
