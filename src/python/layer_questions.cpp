#include "python/layer_questions.h"

#include <array>
#include <optional>

#include "python/packet_fields.h"
#include "python/scapy_bridge.h"

namespace spiderling::python {

namespace {

constexpr std::uint32_t leftovers = bit_of(LayerKind::Raw) | bit_of(LayerKind::Padding);

LayerNeedle named(std::string_view name) {
  LayerNeedle needle;
  for (std::size_t i = 0; i < static_cast<std::size_t>(LayerKind::Unknown); ++i) {
    const auto kind = static_cast<LayerKind>(i);
    if (name == class_name(kind) || name == display_name(kind)) needle.kinds |= bit_of(kind);
  }
  needle.known = needle.kinds != 0;
  needle.has_dot = name.find('.') != std::string_view::npos;
  return needle;
}

std::string_view utf8(PyObject* text) {
  Py_ssize_t size = 0;
  const char* bytes = PyUnicode_AsUTF8AndSize(text, &size);
  if (bytes == nullptr) PyErr_Clear();
  return bytes == nullptr ? std::string_view() : std::string_view(bytes, static_cast<std::size_t>(size));
}

bool is_of(PyObject* one_class, std::string_view package) {
  const Ref module = attribute(one_class, "__module__");
  return module && PyUnicode_Check(module.get()) && utf8(module.get()).starts_with(package);
}

LayerNeedle looked_up(PyObject* asked) {
  if (PyUnicode_Check(asked)) return named(utf8(asked));
  if (!PyType_Check(asked) || (!is_of(asked, "scapy.") && !is_of(asked, "_spiderling")))
    return {0, false, false};
  // By class, and not by the name that is shown.
  const Ref name = attribute(asked, "__name__");
  LayerNeedle needle = name ? named(utf8(name.get())) : LayerNeedle{0, false, false};
  return needle;
}

// Missing scapy is told of by whoever asks it for more than yes or no.
PyObject* scapy_says(const LayerObject& layer, PyObject* asked) {
  const Ref real = real_layer(layer);
  if (real) return PyObject_CallMethod(real.get(), "haslayer", "O", asked);
  if (PyErr_ExceptionMatches(PyExc_ImportError) == 0) return nullptr;
  PyErr_Clear();
  return PyLong_FromLong(0);
}

PyObject* scapy_gives(const LayerObject& layer, PyObject* asked) {
  const Ref real = real_layer(layer);
  return real ? PyObject_CallMethod(real.get(), "getlayer", "O", asked) : nullptr;
}

std::uint32_t present_from(const LayerObject& layer) {
  const ScapyLayers& layers = layer.box->layers;
  if (layer.kind == LayerKind::DNSQR) return bit_of(LayerKind::DNSQR);
  if (layer.index == 0) return layers.present;
  std::uint32_t present = 0;
  for (std::size_t i = layer.index; i < layers.count; ++i) present |= bit_of(layers.spans[i].kind);
  if ((present & bit_of(LayerKind::DNS)) != 0) present |= layers.present & bit_of(LayerKind::DNSQR);
  return present;
}

bool only_scapy_knows(const LayerObject& layer, LayerNeedle needle) {
  const ScapyLayers& layers = layer.box->layers;
  if (!layers.whole) return true;
  return layers.has_inner_packets && (!needle.known || (needle.kinds & leftovers) != 0);
}

// The first of these kinds, from `layer` on; a question comes behind its message. nullptr and no exception:
// there is none.
PyObject* first_of(const LayerObject& layer, std::uint32_t kinds) {
  const ScapyLayers& layers = layer.box->layers;
  if (layer.kind == LayerKind::DNSQR)
    return (kinds & bit_of(LayerKind::DNSQR)) != 0 ? new_layer(layer.box, layer.kind, layer.index) : nullptr;
  for (std::uint8_t i = layer.index; i < layers.count; ++i) {
    const LayerKind kind = layers.spans[i].kind;
    if ((kinds & bit_of(kind)) != 0) return new_layer(layer.box, kind, i);
    if (kind == LayerKind::DNS && (kinds & layers.present & bit_of(LayerKind::DNSQR)) != 0)
      return new_layer(layer.box, LayerKind::DNSQR, 0);
  }
  return nullptr;
}

bool is_natively_known(const LayerObject& layer) {
  return !layer.box->changed && layer.kind != LayerKind::Unknown;
}

}  // namespace

// Chefs ask the same few things again and again.
LayerNeedle needle_of(PyObject* asked) {
  struct Known {
    PyObject* asked;
    LayerNeedle needle;
  };
  static std::array<Known, 64> known{};
  Known& slot = known[reinterpret_cast<std::uintptr_t>(asked) / 16 % known.size()];
  if (slot.asked != asked) {
    const LayerNeedle needle = looked_up(asked);
    // Under the old reference's end other code may run, and this very slot be filled.
    const Ref old(std::exchange(slot.asked, Py_NewRef(asked)));
    slot.needle = needle;
    return needle;
  }
  return slot.needle;
}

PyObject* has_layer(const LayerObject& layer, PyObject* asked) {
  if (!is_natively_known(layer)) return scapy_says(layer, asked);
  if (asked == Py_None) return Py_NewRef(Py_True);
  const LayerNeedle needle = needle_of(asked);
  const std::uint32_t present =
      layer.index == 0 && layer.kind != LayerKind::DNSQR ? layer.box->layers.present : present_from(layer);
  if ((present & needle.kinds) != 0) return Py_NewRef(Py_True);
  if (only_scapy_knows(layer, needle)) return scapy_says(layer, asked);
  return PyLong_FromLong(0);
}

PyObject* get_layer(const LayerObject& layer, PyObject* asked) {
  if (!is_natively_known(layer) || PyLong_Check(asked)) return scapy_gives(layer, asked);
  const LayerNeedle needle = needle_of(asked);
  if (needle.has_dot) return scapy_gives(layer, asked);
  PyObject* found = first_of(layer, needle.kinds);
  if (found != nullptr || PyErr_Occurred() != nullptr) return found;
  if (only_scapy_knows(layer, needle)) return scapy_gives(layer, asked);
  return Py_NewRef(Py_None);
}

}  // namespace spiderling::python
