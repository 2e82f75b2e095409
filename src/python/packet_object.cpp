#include "python/packet_object.h"

#include <algorithm>

#include "python/no_payload.h"
#include "python/packet_types.h"
#include "python/scapy_bridge.h"

namespace spiderling::python {

void PacketBox::keep() {
  if (own || data.empty()) return;
  own = std::make_unique<std::uint8_t[]>(data.size());
  std::ranges::copy(data, own.get());
  data = {own.get(), data.size()};
}

PyObject* new_layer(PacketBox* box, LayerKind kind, std::uint8_t index) {
  PyTypeObject* type = layer_type(kind);
  auto* layer = reinterpret_cast<LayerObject*>(type->tp_alloc(type, 0));
  if (layer == nullptr) return nullptr;
  layer->box = box;
  layer->index = index;
  layer->kind = kind;
  ++box->layer_objects;
  return reinterpret_cast<PyObject*>(layer);
}

PyObject* payload_of(const LayerObject& layer) {
  const ScapyLayers& layers = layer.box->layers;
  const bool native = !layer.box->changed && layer.kind != LayerKind::Unknown;
  const auto next = static_cast<std::uint8_t>(layer.index + 1);
  if (native && layer.kind == LayerKind::DNSQR)
    return next < layers.question_count ? new_layer(layer.box, LayerKind::DNSQR, next) : new_no_payload();
  if (native && next < layers.count) return new_layer(layer.box, layers.spans[next].kind, next);
  if (native && layers.whole) return new_no_payload();
  const Ref real = real_layer(layer);
  return real ? PyObject_GetAttrString(real.get(), "payload") : nullptr;
}

PyObject* PacketLender::lend(Bytes data, std::int64_t time_ns, std::uint32_t wire_length,
                             LinkType link_type) {
  ScapyLayers layers;
  if (scapy_is_bound_otherwise())
    layers.count = 0;
  else
    find_layers(layers, data, link_type);
  const LayerKind kind = layers.count == 0 ? LayerKind::Unknown : layers.spans[0].kind;
  if (lent_ == nullptr || layer_of(lent_)->kind != kind) {
    Py_CLEAR(lent_);
    auto box = std::make_unique<PacketBox>();
    lent_ = new_layer(box.get(), kind, 0);
    if (lent_ == nullptr) return nullptr;
    box.release();  // the object's, which ends it
  }
  PacketBox& box = *layer_of(lent_)->box;
  box.data = data;
  box.time_ns = time_ns;
  box.wire_length = wire_length;
  box.link_type = link_type;
  box.layers = layers;
  return lent_;
}

void PacketLender::take_back() {
  if (lent_ == nullptr) return;
  PacketBox& box = *layer_of(lent_)->box;
  if (Py_REFCNT(lent_) != 1 || box.layer_objects != 1) {
    box.keep();
    Py_CLEAR(lent_);
    return;
  }
  box.real = Ref();
  box.changed = false;
}

}  // namespace spiderling::python
