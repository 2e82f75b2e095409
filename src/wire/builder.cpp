#include "spiderling/builder.h"

#include <algorithm>

namespace spiderling {

const char* describe(BuildError error) {
  switch (error) {
    case BuildError::overflow: return "the packet does not fit into its buffer";
    case BuildError::too_many_layers: return "the packet has too many layers";
    case BuildError::too_long: return "the packet is too long for a length field";
    case BuildError::bad_options: return "the options do not fit into their header";
    case BuildError::after_padding: return "nothing may follow the padding";
  }
  return "unknown";
}

PacketBuilder& PacketBuilder::clear() {
  size_ = 0;
  layer_count_ = 0;
  padding_at_.reset();
  error_.reset();
  return *this;
}

PacketBuilder& PacketBuilder::fail(BuildError error) {
  if (!error_) error_ = error;
  return *this;
}

// Zeroed, so that a layer only writes the fields that it has. nullptr once something went wrong.
std::uint8_t* PacketBuilder::add_bytes(std::size_t count) {
  if (padding_at_) fail(BuildError::after_padding);
  if (count > room_.size() - size_) fail(BuildError::overflow);
  if (error_) return nullptr;
  std::uint8_t* at = room_.data() + size_;
  if (count > 0) std::memset(at, 0, count);
  size_ += count;
  return at;
}

std::uint8_t* PacketBuilder::add_layer(Kind kind, std::size_t header_length, unsigned automatic) {
  if (layer_count_ == max_layers) fail(BuildError::too_many_layers);
  const std::size_t offset = size_;
  std::uint8_t* at = add_bytes(header_length);
  if (at == nullptr) return nullptr;
  layers_[layer_count_++] = {kind, static_cast<std::uint8_t>(automatic),
                             static_cast<std::uint16_t>(header_length), offset};
  return at;
}

PacketBuilder& PacketBuilder::ethernet(const EthernetFields& fields) {
  std::uint8_t* p = add_layer(Kind::ethernet, EthernetHeader::size, fields.type ? 0u : next_protocol);
  if (p == nullptr) return *this;
  std::memcpy(p, fields.destination.bytes.data(), 6);
  std::memcpy(p + 6, fields.source.bytes.data(), 6);
  store_be16(p + 12, fields.type.value_or(0));
  return *this;
}

PacketBuilder& PacketBuilder::vlan(const VlanFields& fields) {
  std::uint8_t* p = add_layer(Kind::vlan, 4, fields.type ? 0u : next_protocol);
  if (p == nullptr) return *this;
  const unsigned tci = static_cast<unsigned>((fields.priority & 7) << 13) |
                       (fields.drop_eligible ? 0x1000u : 0u) | (fields.id & 0xfffu);
  store_be16(p, static_cast<std::uint16_t>(tci));
  store_be16(p + 2, fields.type.value_or(0));
  // It stands in the header before: finish() takes it from here.
  layers_[layer_count_ - 1].tag_protocol = fields.tag_protocol;
  return *this;
}

PacketBuilder& PacketBuilder::mpls(const MplsFields& fields) {
  std::uint8_t* p = add_layer(Kind::mpls, 4, fields.bottom_of_stack ? 0u : next_protocol);
  if (p == nullptr) return *this;
  store_be32(p, (fields.label & 0xfffff) << 12 | std::uint32_t{fields.traffic_class & 7u} << 9 |
                    (fields.bottom_of_stack.value_or(false) ? 0x100u : 0u) | fields.ttl);
  return *this;
}

PacketBuilder& PacketBuilder::arp(const ArpFields& fields) {
  std::uint8_t* p = add_layer(Kind::arp, ArpHeader::size, 0);
  if (p == nullptr) return *this;
  store_be16(p, 1);
  store_be16(p + 2, static_cast<std::uint16_t>(EtherType::ipv4));
  p[4] = 6;
  p[5] = 4;
  store_be16(p + 6, fields.operation);
  std::memcpy(p + 8, fields.sender_hardware.bytes.data(), 6);
  std::memcpy(p + 14, fields.sender_address.bytes.data(), 4);
  std::memcpy(p + 18, fields.target_hardware.bytes.data(), 6);
  std::memcpy(p + 24, fields.target_address.bytes.data(), 4);
  return *this;
}

PacketBuilder& PacketBuilder::linux_cooked(const LinuxCookedFields& fields) {
  std::uint8_t* p = add_layer(Kind::linux_cooked, 16, fields.protocol ? 0u : next_protocol);
  if (p == nullptr) return *this;
  store_be16(p, fields.packet_type);
  store_be16(p + 2, fields.hardware_type);
  store_be16(p + 4, 6);
  std::memcpy(p + 6, fields.address.bytes.data(), 6);
  store_be16(p + 14, fields.protocol.value_or(0));
  return *this;
}

PacketBuilder& PacketBuilder::linux_cooked_v2(const LinuxCookedFields& fields) {
  std::uint8_t* p = add_layer(Kind::linux_cooked_v2, 20, fields.protocol ? 0u : next_protocol);
  if (p == nullptr) return *this;
  store_be16(p, fields.protocol.value_or(0));
  store_be32(p + 4, fields.interface_index);
  store_be16(p + 8, fields.hardware_type);
  p[10] = static_cast<std::uint8_t>(fields.packet_type);
  p[11] = 6;
  std::memcpy(p + 12, fields.address.bytes.data(), 6);
  return *this;
}

PacketBuilder& PacketBuilder::ppp(const PppFields& fields) {
  const std::size_t prefix = fields.with_address_and_control ? 2 : 0;
  std::uint8_t* p = add_layer(Kind::ppp, prefix + 2, fields.protocol ? 0u : next_protocol);
  if (p == nullptr) return *this;
  if (prefix != 0) store_be16(p, 0xff03);
  store_be16(p + prefix, fields.protocol.value_or(0));
  return *this;
}

PacketBuilder& PacketBuilder::null_link(std::optional<std::uint32_t> family) {
  std::uint8_t* p = add_layer(Kind::null_link, 4, family ? 0u : next_protocol);
  if (p == nullptr || !family) return *this;
  std::memcpy(p, &*family, 4);
  return *this;
}

PacketBuilder& PacketBuilder::loop_link(std::optional<std::uint32_t> family) {
  std::uint8_t* p = add_layer(Kind::loop_link, 4, family ? 0u : next_protocol);
  if (p == nullptr || !family) return *this;
  store_be32(p, *family);
  return *this;
}

PacketBuilder& PacketBuilder::payload(Bytes bytes) {
  std::uint8_t* p = add_bytes(bytes.size());
  if (p != nullptr && !bytes.empty()) std::memmove(p, bytes.data(), bytes.size());
  return *this;
}

PacketBuilder& PacketBuilder::payload(std::string_view text) {
  std::uint8_t* p = add_bytes(text.size());
  if (p != nullptr && !text.empty()) std::memcpy(p, text.data(), text.size());
  return *this;
}

PacketBuilder& PacketBuilder::fill(std::size_t count, std::uint8_t value) {
  std::uint8_t* p = add_bytes(count);
  if (p != nullptr && count > 0) std::memset(p, value, count);
  return *this;
}

PacketBuilder& PacketBuilder::quote(Bytes ip_packet) {
  const bool is_v6 = layer_count_ > 0 && layers_[layer_count_ - 1].kind == Kind::icmp6;
  const std::size_t limit =
      is_v6 ? 1280 - Ipv6Header::size - IcmpHeader::size : 576 - Ipv4Header::min_size - IcmpHeader::size;
  return payload(ip_packet.first(std::min(limit, ip_packet.size())));
}

PacketBuilder& PacketBuilder::pad_to(std::size_t frame_length) {
  const std::size_t end = size_;
  if (frame_length > size_) add_bytes(frame_length - size_);
  if (!error_) padding_at_ = end;
  return *this;
}

}  // namespace spiderling
