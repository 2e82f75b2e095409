#include "python/scapy_bridge.h"

#include <array>

#include "base/log.h"
#include "python/packet_fields.h"

namespace spiderling::python {

namespace {

// It has been imported for us; a module that chefs have imported a part of has fewer layers.
PyObject* scapy_all = nullptr;

// scapy tells of interfaces and routes that it does not like, which is nothing to a chef.
void quiet_its_log() {
  const Ref logging(PyImport_ImportModule("logging"));
  const Ref logger(logging ? PyObject_CallMethod(logging.get(), "getLogger", "s", "scapy.runtime") : nullptr);
  const Ref done(logger ? PyObject_CallMethod(logger.get(), "setLevel", "s", "ERROR") : nullptr);
  if (!done) PyErr_Clear();
}

// Borrowed. nullptr: an exception is set.
PyObject* scapy() {
  if (scapy_all != nullptr) return scapy_all;
  quiet_its_log();
  scapy_all = PyImport_ImportModule("scapy.all");
  if (scapy_all != nullptr) return scapy_all;
  const RaisedException raised = take_exception();
  PyErr_Format(
      PyExc_ImportError,
      "only scapy can answer this, and it cannot be imported (Debian's package is python3-scapy): %s",
      raised.text.c_str());
  return nullptr;
}

Ref of_scapy(const char* name) {
  PyObject* module = scapy();
  return module == nullptr ? Ref() : Ref(PyObject_GetAttrString(module, name));
}

// The class that scapy begins with on this kind of link.
Ref root_class(LinkType link) {
  const Ref conf = of_scapy("conf");
  const Ref types = conf ? attribute(conf.get(), "l2types") : Ref();
  const Ref by_number = types ? attribute(types.get(), "num2layer") : Ref();
  const Ref number(PyLong_FromLong(static_cast<long>(link)));
  if (by_number && PyDict_Check(by_number.get())) {
    if (PyObject* found = PyDict_GetItem(by_number.get(), number.get())) return Ref::borrowed(found);
  }
  return link == LinkType::ethernet ? of_scapy("Ether") : of_scapy("Raw");
}

bool set(PyObject* object, const char* name, PyObject* taken) {
  const Ref value(taken);
  return value && PyObject_SetAttrString(object, name, value.get()) == 0;
}

Ref dissected(PacketBox& box) {
  const Ref bytes(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(box.data.data()),
                                            static_cast<Py_ssize_t>(box.data.size())));
  const Ref packet_class = root_class(box.link_type);
  if (!bytes || !packet_class) return {};
  Ref packet(PyObject_CallOneArg(packet_class.get(), bytes.get()));
  // A first layer that is cut; of those behind it scapy makes Raw by itself.
  if (!packet && PyErr_ExceptionMatches(PyExc_Exception) != 0) {
    PyErr_Clear();
    const Ref raw = of_scapy("Raw");
    packet = raw ? Ref(PyObject_CallOneArg(raw.get(), bytes.get())) : Ref();
  }
  if (!packet || !set(packet.get(), "time", PyFloat_FromDouble(box.time_seconds())) ||
      !set(packet.get(), "wirelen", PyLong_FromUnsignedLong(box.wire_length)))
    return {};
  return packet;
}

Ref payload_after(Ref layer, std::size_t steps) {
  for (std::size_t i = 0; i < steps && layer; ++i)
    layer = Ref(PyObject_GetAttrString(layer.get(), "payload"));
  return layer;
}

Py_ssize_t bound_layers(PyObject* module, const char* class_name) {
  const Ref layer(PyObject_GetAttrString(module, class_name));
  const Ref guesses = layer ? attribute(layer.get(), "payload_guess") : Ref();
  const Py_ssize_t count = guesses ? PyObject_Length(guesses.get()) : -1;
  if (count < 0) PyErr_Clear();
  return count;
}

}  // namespace

bool scapy_is_loaded() {
  static PyObject* const name = PyUnicode_InternFromString("scapy.packet");
  return PyDict_GetItem(PyImport_GetModuleDict(), name) != nullptr;
}

Ref real_layer(const LayerObject& layer) {
  PacketBox& box = *layer.box;
  if (!box.real) box.real = dissected(box);
  if (!box.real) return {};
  if (layer.kind == LayerKind::Unknown) return box.real;
  if (layer.kind != LayerKind::DNSQR) return payload_after(box.real, layer.index);
  std::size_t message = 0;
  while (message < box.layers.count && box.layers.spans[message].kind != LayerKind::DNS) ++message;
  const Ref dns = payload_after(box.real, message);
  return payload_after(dns ? Ref(PyObject_GetAttrString(dns.get(), "qd")) : Ref(), layer.index);
}

Ref scapy_class(LayerKind kind) { return of_scapy(class_name(kind)); }

Ref scapy_no_payload() {
  const Ref no_payload = of_scapy("NoPayload");
  return no_payload ? Ref(PyObject_CallNoArgs(no_payload.get())) : Ref();
}

PyObject* new_flag_value(unsigned long value, PyObject* names) {
  static PyObject* ours = nullptr;
  static PyObject* theirs = nullptr;
  PyObject*& flag_class = scapy_is_loaded() ? theirs : ours;
  if (flag_class == nullptr) {
    const Ref module(PyImport_ImportModule(scapy_is_loaded() ? "scapy.fields" : "netdumplings._flag_value"));
    flag_class = module ? PyObject_GetAttrString(module.get(), "FlagValue") : nullptr;
    if (flag_class == nullptr) return nullptr;
  }
  return PyObject_CallFunction(flag_class, "kO", value, names);
}

bool scapy_cuts_as_ever() {
  if (!scapy_is_loaded()) return true;
  struct Bound {
    const char* class_name;
    Py_ssize_t layers;
  };
  static constexpr std::array<Bound, 10> as_ever = {{{"Ether", 17},
                                                     {"Dot1Q", 2},
                                                     {"CookedLinux", 11},
                                                     {"IP", 11},
                                                     {"IPv6", 9},
                                                     {"ARP", 0},
                                                     {"TCP", 21},
                                                     {"UDP", 83},
                                                     {"ICMP", 0},
                                                     {"DNS", 0}}};
  PyObject* module = scapy();
  if (module == nullptr) {
    PyErr_Clear();
    return true;
  }
  for (const Bound& bound : as_ever) {
    if (bound_layers(module, bound.class_name) != bound.layers) return false;
  }
  return true;
}

}  // namespace spiderling::python
