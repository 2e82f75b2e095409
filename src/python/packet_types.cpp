#include "python/packet_types.h"

#include <array>
#include <cmath>

#include "python/layer_questions.h"
#include "python/module.h"
#include "python/no_payload.h"
#include "python/packet_fields.h"
#include "python/scapy_bridge.h"

namespace spiderling::python {

namespace {

std::array<PyTypeObject*, layer_kinds> layer_types{};
PyTypeObject* base_type = nullptr;
bool bound_otherwise = false;

bool is_native(const LayerObject& layer) { return !layer.box->changed && layer.kind != LayerKind::Unknown; }

void dealloc(PyObject* self) {
  PacketBox* box = layer_of(self)->box;
  if (--box->layer_objects == 0) delete box;
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

// --- attributes

// Nothing: there is no such field natively, or an exception is set.
PyObject* own_field(const LayerObject& layer, PyObject* name, bool& found) {
  const auto fields = fields_of(layer.kind);
  const auto get = [&](const LayerField& field) {
    found = true;
    return field.get(layer);
  };
  for (const LayerField& field : fields) {
    if (field.interned == name) return get(field);
  }
  if (PyUnicode_CHECK_INTERNED(name) != 0) return nullptr;
  for (const LayerField& field : fields) {
    if (PyUnicode_Compare(field.interned, name) == 0) return get(field);
  }
  return nullptr;
}

// As scapy looks for it: in this layer, then in those behind it.
PyObject* native_field(const LayerObject& layer, PyObject* name, bool& only_scapy) {
  bool found = false;
  PyObject* value = own_field(layer, name, found);
  const ScapyLayers& layers = layer.box->layers;
  const std::size_t end = layer.kind == LayerKind::DNSQR ? 0 : layers.count;
  for (std::size_t i = layer.index + 1u; i < end && !found; ++i) {
    LayerObject behind = layer;  // borrowed: no object of Python's
    behind.index = static_cast<std::uint8_t>(i);
    behind.kind = layers.spans[i].kind;
    value = own_field(behind, name, found);
  }
  only_scapy = value == nullptr && PyErr_Occurred() == nullptr;
  return value;
}

PyObject* getattro(PyObject* self, PyObject* name) {
  if (_PyType_Lookup(Py_TYPE(self), name) != nullptr) return PyObject_GenericGetAttr(self, name);
  const LayerObject& layer = *layer_of(self);
  bool only_scapy = true;
  if (is_native(layer)) {
    PyObject* value = native_field(layer, name, only_scapy);
    if (!only_scapy) return value;
  }
  const Ref real = real_layer(layer);
  return real ? PyObject_GetAttr(real.get(), name) : nullptr;
}

// Whoever changes a packet has scapy's from then on.
int setattro(PyObject* self, PyObject* name, PyObject* value) {
  const Ref real = real_layer(*layer_of(self));
  if (!real) return -1;
  layer_of(self)->box->changed = true;
  return PyObject_SetAttr(real.get(), name, value);
}

PyObject* get_name(PyObject* self, void*) {
  const LayerObject& layer = *layer_of(self);
  if (is_native(layer)) return PyUnicode_FromString(display_name(layer.kind));
  const Ref real = real_layer(layer);
  return real ? PyObject_GetAttrString(real.get(), "name") : nullptr;
}

PyObject* get_time(PyObject* self, void*) {
  const LayerObject& layer = *layer_of(self);
  if (!layer.box->changed) return PyFloat_FromDouble(layer.box->time_seconds());
  const Ref real = real_layer(layer);
  return real ? PyObject_GetAttrString(real.get(), "time") : nullptr;
}

// scapy reads no field any more where its bytes end: the last one of a header that is all there is, and takes
// no bytes itself, is not among its fields.
bool is_left_out(const LayerObject& layer, const LayerField& field) {
  const bool takes_none = (layer.kind == LayerKind::TCP && layer.span().end - layer.span().begin == 20) ||
                          layer.kind == LayerKind::ICMP;
  if (!takes_none || &field != &fields_of(layer.kind).back()) return false;
  const ScapyLayers& layers = layer.box->layers;
  const std::size_t next = layer.index + 1u;
  return next == layers.count ? layers.whole : layers.spans[next].kind == LayerKind::Padding;
}

PyObject* get_fields(PyObject* self, void*) {
  const LayerObject& layer = *layer_of(self);
  Ref real;
  if (!is_native(layer)) {
    real = real_layer(layer);
    return real ? PyObject_GetAttrString(real.get(), "fields") : nullptr;
  }
  Ref dict(PyDict_New());
  for (const LayerField& field : fields_of(layer.kind)) {
    if (is_left_out(layer, field)) continue;
    Ref value(dict ? field.get(layer) : nullptr);
    if (!value && PyErr_Occurred() != nullptr) return nullptr;
    if (!value && !real) real = real_layer(layer);
    if (!value) value = real ? Ref(PyObject_GetAttr(real.get(), field.interned)) : Ref();
    if (!value || PyDict_SetItem(dict.get(), field.interned, value.get()) != 0) return nullptr;
  }
  return dict.release();
}

PyObject* get_payload(PyObject* self, void*) { return payload_of(*layer_of(self)); }

PyObject* get_underlayer(PyObject* self, void*) {
  const LayerObject& layer = *layer_of(self);
  if (is_native(layer) && layer.index > 0) {
    const auto before = static_cast<std::uint8_t>(layer.index - 1);
    return layer.kind == LayerKind::DNSQR
               ? new_layer(layer.box, layer.kind, before)
               : new_layer(layer.box, layer.box->layers.spans[before].kind, before);
  }
  if (is_native(layer) && layer.kind != LayerKind::DNSQR) return Py_NewRef(Py_None);
  const Ref real = real_layer(layer);
  return real ? PyObject_GetAttrString(real.get(), "underlayer") : nullptr;
}

// What isinstance() asks when the type is not the one. Without scapy there is no class of it to be an
// instance of.
PyObject* get_class(PyObject* self, void*) {
  const LayerObject& layer = *layer_of(self);
  if (!scapy_is_loaded()) return Py_NewRef(reinterpret_cast<PyObject*>(Py_TYPE(self)));
  if (layer.kind != LayerKind::Unknown) return scapy_class(layer.kind).release();
  const Ref real = real_layer(layer);
  return real ? PyObject_GetAttrString(real.get(), "__class__") : nullptr;
}

int set_through(PyObject* self, PyObject* value, void* name) {
  const Ref key(PyUnicode_FromString(static_cast<const char*>(name)));
  return key ? setattro(self, key.get(), value) : -1;
}

// --- methods

PyObject* call_real(PyObject* self, const char* method, PyObject* const* arguments, Py_ssize_t count,
                    PyObject* names) {
  const Ref real = real_layer(*layer_of(self));
  const Ref bound(real ? PyObject_GetAttrString(real.get(), method) : nullptr);
  return bound ? PyObject_Vectorcall(bound.get(), arguments, static_cast<std::size_t>(count), names)
               : nullptr;
}

PyObject* haslayer(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
  if (count != 1 || names != nullptr) return call_real(self, "haslayer", arguments, count, names);
  return has_layer(*layer_of(self), arguments[0]);
}

PyObject* getlayer(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
  if (count != 1 || names != nullptr) return call_real(self, "getlayer", arguments, count, names);
  return get_layer(*layer_of(self), arguments[0]);
}

PyObject* bytes_of(PyObject* self, PyObject*) {
  const LayerObject& layer = *layer_of(self);
  if (is_native(layer) && layer.kind != LayerKind::DNSQR) {
    const Bytes bytes = layer.box->data.subspan(layer.span().begin);
    return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(bytes.data()),
                                     static_cast<Py_ssize_t>(bytes.size()));
  }
  const Ref real = real_layer(layer);
  return real ? PyObject_Bytes(real.get()) : nullptr;
}

PyObject* deepcopy(PyObject* self, PyObject*) { return call_real(self, "copy", nullptr, 0, nullptr); }
PyObject* reduce(PyObject* self, PyObject*) { return call_real(self, "__reduce__", nullptr, 0, nullptr); }

// --- what operators do

PyObject* subscript(PyObject* self, PyObject* key) {
  const LayerObject& layer = *layer_of(self);
  if (PySlice_Check(key)) {
    const Ref real = real_layer(layer);
    return real ? PyObject_GetItem(real.get(), key) : nullptr;
  }
  PyObject* found = get_layer(layer, key);
  if (found != Py_None) return found;
  Py_DECREF(found);
  const Ref name(PyType_Check(key) ? PyObject_GetAttrString(key, "__name__") : PyObject_Repr(key));
  if (name) PyErr_Format(PyExc_IndexError, "Layer [%U] not found", name.get());
  return nullptr;
}

int set_subscript(PyObject* self, PyObject* key, PyObject* value) {
  const Ref real = real_layer(*layer_of(self));
  if (!real) return -1;
  layer_of(self)->box->changed = true;
  return value == nullptr ? PyObject_DelItem(real.get(), key) : PyObject_SetItem(real.get(), key, value);
}

int contains(PyObject* self, PyObject* key) {
  const Ref answer(has_layer(*layer_of(self), key));
  return answer ? PyObject_IsTrue(answer.get()) : -1;
}

Py_ssize_t length(PyObject* self) {
  const LayerObject& layer = *layer_of(self);
  if (is_native(layer) && layer.kind != LayerKind::DNSQR)
    return static_cast<Py_ssize_t>(layer.box->data.size() - layer.span().begin);
  const Ref real = real_layer(layer);
  return real ? PyObject_Length(real.get()) : -1;
}

int always_true(PyObject*) { return 1; }

Ref as_real(PyObject* object) {
  return is_layer(object) ? real_layer(*layer_of(object)) : Ref::borrowed(object);
}

PyObject* divide(PyObject* left, PyObject* right) {
  const Ref a = as_real(left);
  const Ref b = a ? as_real(right) : Ref();
  return b ? PyNumber_TrueDivide(a.get(), b.get()) : nullptr;
}

PyObject* compare(PyObject* self, PyObject* other, int how) {
  if (how != Py_EQ && how != Py_NE) return Py_NewRef(Py_NotImplemented);
  if (self == other) return Py_NewRef(how == Py_EQ ? Py_True : Py_False);
  const Ref a = as_real(self);
  const Ref b = a ? as_real(other) : Ref();
  return b ? PyObject_RichCompare(a.get(), b.get(), how) : nullptr;
}

PyObject* iterate(PyObject* self) {
  const Ref real = real_layer(*layer_of(self));
  return real ? PyObject_GetIter(real.get()) : nullptr;
}

// For tracebacks and logs too, so it says something also where scapy is missing.
PyObject* represent(PyObject* self) {
  const LayerObject& layer = *layer_of(self);
  const Ref real = real_layer(layer);
  if (real) return PyObject_Repr(real.get());
  PyErr_Clear();
  return PyUnicode_FromFormat("<%s of %zd bytes>", class_name(layer.kind),
                              static_cast<Py_ssize_t>(layer.box->data.size()));
}

template <class Function>
PyCFunction as_method(Function* function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef methods[] = {
    {"haslayer", as_method(haslayer), METH_FASTCALL | METH_KEYWORDS,
     "Has it this layer? A name or a class of scapy."},
    {"getlayer", as_method(getlayer), METH_FASTCALL | METH_KEYWORDS,
     "The first layer of this name or class, or None."},
    {"__bytes__", bytes_of, METH_NOARGS, nullptr},
    {"__copy__", deepcopy, METH_NOARGS, nullptr},
    {"__deepcopy__", deepcopy, METH_O, nullptr},
    {"__reduce__", reduce, METH_NOARGS, nullptr},
    {"__reduce_ex__", reduce, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

char time_name[] = "time", payload_name[] = "payload", fields_name[] = "fields", name_name[] = "name",
     underlayer_name[] = "underlayer";

PyGetSetDef attributes[] = {
    {"name", get_name, set_through, "scapy's name of this layer", name_name},
    {"time", get_time, set_through, "seconds since the epoch", time_name},
    {"fields", get_fields, set_through, "name -> value of this layer's own fields", fields_name},
    {"payload", get_payload, set_through, "the next layer", payload_name},
    {"underlayer", get_underlayer, set_through, "the layer before", underlayer_name},
    {"__class__", get_class, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

template <class Function>
void* as_slot(Function* function) {
  return reinterpret_cast<void*>(function);
}

PyType_Slot base_slots[] = {
    {Py_tp_dealloc, as_slot(dealloc)},
    {Py_tp_getattro, as_slot(getattro)},
    {Py_tp_setattro, as_slot(setattro)},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_tp_repr, as_slot(represent)},
    {Py_tp_richcompare, as_slot(compare)},
    {Py_tp_hash, as_slot(PyObject_HashNotImplemented)},
    {Py_tp_iter, as_slot(iterate)},
    {Py_mp_subscript, as_slot(subscript)},
    {Py_mp_ass_subscript, as_slot(set_subscript)},
    {Py_mp_length, as_slot(length)},
    {Py_sq_contains, as_slot(contains)},
    {Py_nb_bool, as_slot(always_true)},
    {Py_nb_true_divide, as_slot(divide)},
    {0, nullptr},
};

constexpr unsigned layer_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION;

PyTypeObject* make_base(PyObject* module) {
  PyType_Spec spec{"_spiderling.Layer", sizeof(LayerObject), 0, layer_flags | Py_TPFLAGS_BASETYPE,
                   base_slots};
  return reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
}

PyTypeObject* make_kind(PyObject* module, LayerKind kind) {
  PyType_Slot slots[] = {{Py_tp_dealloc, as_slot(dealloc)}, {0, nullptr}};  // the others are inherited
  // Kept by the type.
  static std::array<std::string, layer_kinds> names;
  std::string& name = names[static_cast<std::size_t>(kind)];
  name = std::string("_spiderling.") + class_name(kind);
  PyType_Spec spec{name.c_str(), sizeof(LayerObject), 0, layer_flags, slots};
  return reinterpret_cast<PyTypeObject*>(
      PyType_FromModuleAndSpec(module, &spec, reinterpret_cast<PyObject*>(base_type)));
}

// packet(data, time=0.0, link_type=1): a packet of its own, as a chef would get it.
PyObject* make_packet(PyObject*, PyObject* arguments, PyObject* named) {
  static const char* names[] = {"data", "time", "link_type", nullptr};
  Py_buffer data;
  double time = 0;
  int link_type = static_cast<int>(LinkType::ethernet);
  if (PyArg_ParseTupleAndKeywords(arguments, named, "y*|di", const_cast<char**>(names), &data, &time,
                                  &link_type) == 0)
    return nullptr;
  PacketLender lender;
  look_at_scapys_bindings();
  const Ref packet = Ref::borrowed(lender.lend(
      {static_cast<const std::uint8_t*>(data.buf), static_cast<std::size_t>(data.len)},
      std::llround(time * 1e9), static_cast<std::uint32_t>(data.len), static_cast<LinkType>(link_type)));
  lender.take_back();
  PyBuffer_Release(&data);
  return Ref(packet).release();
}

PyMethodDef functions[] = {
    {"packet", as_method(make_packet), METH_VARARGS | METH_KEYWORDS,
     "packet(data, time=0.0, link_type=1): these bytes as a chef gets a packet"},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

PyTypeObject* layer_type(LayerKind kind) { return layer_types[static_cast<std::size_t>(kind)]; }

bool is_layer(PyObject* object) { return PyObject_TypeCheck(object, base_type) != 0; }

bool scapy_is_bound_otherwise() { return bound_otherwise; }

void look_at_scapys_bindings() {
  const bool otherwise = !scapy_cuts_as_ever();
  bound_otherwise = otherwise;
}

bool add_packet_types(PyObject* module) {
  if (!intern_field_names() || !make_no_payload(module) || PyModule_AddFunctions(module, functions) != 0)
    return false;
  base_type = make_base(module);
  if (base_type == nullptr ||
      PyModule_AddObjectRef(module, "Layer", reinterpret_cast<PyObject*>(base_type)) != 0)
    return false;
  for (std::size_t i = 0; i < layer_kinds; ++i) {
    layer_types[i] = make_kind(module, static_cast<LayerKind>(i));
    if (layer_types[i] == nullptr) return false;
  }
  return true;
}

}  // namespace spiderling::python
