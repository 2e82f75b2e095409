// PacketBuilder::finish(): what follows from the rest of the packet.
#include "spiderling/builder.h"
#include "wire/checksum.h"
#include "wire/ipv6_extensions.h"

namespace spiderling {
namespace {

// Where nothing that we know follows.
constexpr std::uint16_t experimental_ether_type = 0x88b5;  // IEEE 802, local experimental
constexpr std::uint8_t experimental_protocol = 253;        // RFC 3692

constexpr std::uint16_t mpls_ether_type = 0x8847;
constexpr std::uint16_t bridged_ethernet = 0x6558;
constexpr std::uint16_t ppp_ether_type = 0x880b;

// Address families as BSD systems put them before a packet.
constexpr std::uint32_t family_inet = 2;
constexpr std::uint32_t family_inet6_darwin = 30;
constexpr std::uint32_t family_inet6_openbsd = 24;

std::uint16_t ppp_protocol(std::uint16_t ether_type) {
  switch (ether_type) {
    case 0x0800: return 0x0021;
    case 0x86dd: return 0x0057;
    case mpls_ether_type: return 0x0281;
    default: return ether_type;
  }
}

}  // namespace

tl::expected<Bytes, BuildError> PacketBuilder::finish() {
  // Protocols and lengths first: the checksums cover them. Then checksums from the innermost layer out, since
  // each covers those inside it.
  for (std::size_t i = 0; i < layer_count_ && !error_; ++i) {
    if ((layers_[i].automatic & next_protocol) != 0) fill_in_next(i);
    if ((layers_[i].automatic & length) != 0) fill_in_length(layers_[i]);
  }
  for (std::size_t i = layer_count_; i-- > 0 && !error_;) {
    if ((layers_[i].automatic & checksum) != 0) fill_in_checksum(i);
  }
  if (error_) return tl::unexpected(*error_);
  return Bytes(room_.first(size_));
}

const PacketBuilder::Layer* PacketBuilder::behind(std::size_t index) const {
  return index + 1 < layer_count_ ? &layers_[index + 1] : nullptr;
}

Bytes PacketBuilder::content(const Layer& layer) const {
  return Bytes(room_.first(padding_at_.value_or(size_))).subspan(layer.offset);
}

std::uint16_t PacketBuilder::link_protocol_behind(std::size_t index) const {
  const Layer* next = behind(index);
  if (next == nullptr) return experimental_ether_type;
  switch (next->kind) {
    case Kind::vlan: return next->tag_protocol;
    case Kind::mpls: return mpls_ether_type;
    case Kind::arp: return static_cast<std::uint16_t>(EtherType::arp);
    case Kind::ip4: return static_cast<std::uint16_t>(EtherType::ipv4);
    case Kind::ip6: return static_cast<std::uint16_t>(EtherType::ipv6);
    case Kind::ethernet: return bridged_ethernet;
    case Kind::ppp: return ppp_ether_type;
    default: return experimental_ether_type;
  }
}

std::uint8_t PacketBuilder::ip_protocol_behind(std::size_t index) const {
  const auto number = [](IpProtocol protocol) { return static_cast<std::uint8_t>(protocol); };
  const Layer* next = behind(index);
  if (next == nullptr) {
    const bool nothing_follows = content(layers_[index]).size() == layers_[index].header_length;
    const bool is_v4 = layers_[index].kind == Kind::ip4;
    return nothing_follows && !is_v4 ? number(IpProtocol::no_next_header) : experimental_protocol;
  }
  switch (next->kind) {
    case Kind::ip4: return number(IpProtocol::ipip);
    case Kind::ip6: return number(IpProtocol::ipv6);
    case Kind::hop_by_hop: return number(IpProtocol::hop_by_hop);
    case Kind::destination_options: return number(IpProtocol::destination_options);
    case Kind::routing: return number(IpProtocol::routing);
    case Kind::ip6_fragment: return number(IpProtocol::fragment);
    case Kind::tcp: return number(IpProtocol::tcp);
    case Kind::udp: return number(IpProtocol::udp);
    case Kind::udp_lite: return number(IpProtocol::udplite);
    case Kind::sctp: return number(IpProtocol::sctp);
    case Kind::icmp4: return number(IpProtocol::icmp);
    case Kind::icmp6: return number(IpProtocol::icmpv6);
    case Kind::gre: return number(IpProtocol::gre);
    case Kind::ethernet: return 143;  // RFC 8986
    case Kind::mpls: return 137;      // RFC 4023
    default: return experimental_protocol;
  }
}

void PacketBuilder::fill_in_next(std::size_t index) {
  const Layer& layer = layers_[index];
  std::uint8_t* p = room_.data() + layer.offset;
  const Layer* next = behind(index);
  const bool before_v6 = next != nullptr && next->kind == Kind::ip6;
  switch (layer.kind) {
    case Kind::ethernet: return store_be16(p + 12, link_protocol_behind(index));
    case Kind::vlan:
    case Kind::gre: return store_be16(p + 2, link_protocol_behind(index));
    case Kind::linux_cooked: return store_be16(p + 14, link_protocol_behind(index));
    case Kind::linux_cooked_v2: return store_be16(p, link_protocol_behind(index));
    case Kind::ppp: return store_be16(p + layer.header_length - 2, ppp_protocol(link_protocol_behind(index)));
    case Kind::mpls: {
      const bool bottom = next == nullptr || next->kind != Kind::mpls;
      p[2] = static_cast<std::uint8_t>((p[2] & 0xfe) | (bottom ? 1 : 0));
      return;
    }
    case Kind::null_link: {
      const std::uint32_t family = before_v6 ? family_inet6_darwin : family_inet;
      std::memcpy(p, &family, 4);
      return;
    }
    case Kind::loop_link: return store_be32(p, before_v6 ? family_inet6_openbsd : family_inet);
    case Kind::ip4: p[9] = ip_protocol_behind(index); return;
    case Kind::ip6: p[6] = ip_protocol_behind(index); return;
    case Kind::hop_by_hop:
    case Kind::destination_options:
    case Kind::routing:
    case Kind::ip6_fragment: p[0] = ip_protocol_behind(index); return;
    default: return;
  }
}

void PacketBuilder::fill_in_length(const Layer& layer) {
  std::uint8_t* p = room_.data() + layer.offset;
  const bool is_v6 = layer.kind == Kind::ip6;
  const std::size_t stated = content(layer).size() - (is_v6 ? Ipv6Header::size : 0);
  if (stated > 0xffff) {
    fail(BuildError::too_long);
    return;
  }
  store_be16(p + (layer.kind == Kind::ip4 ? 2 : 4), static_cast<std::uint16_t>(stated));
}

void PacketBuilder::fill_in_checksum(std::size_t index) {
  const Layer& layer = layers_[index];
  std::uint8_t* p = room_.data() + layer.offset;
  switch (layer.kind) {
    case Kind::ip4:
      store_be16(p + 10, 0);
      return store_be16(p + 10, internet_checksum({p, layer.header_length}));
    case Kind::icmp4: store_be16(p + 2, 0); return store_be16(p + 2, internet_checksum(content(layer)));
    case Kind::gre: store_be16(p + 4, 0); return store_be16(p + 4, internet_checksum(content(layer)));
    case Kind::sctp: return store_be32(p + 8, sctp_checksum(content(layer)));
    case Kind::icmp6: return fill_in_transport_checksum(index, IpProtocol::icmpv6, 2);
    case Kind::tcp: return fill_in_transport_checksum(index, IpProtocol::tcp, 16);
    case Kind::udp: return fill_in_transport_checksum(index, IpProtocol::udp, 6);
    case Kind::udp_lite: return fill_in_transport_checksum(index, IpProtocol::udplite, 6);
    default: return;
  }
}

const PacketBuilder::Layer* PacketBuilder::ip_around(std::size_t index) const {
  while (index-- > 0) {
    if (layers_[index].kind == Kind::ip4 || layers_[index].kind == Kind::ip6) return &layers_[index];
  }
  return nullptr;
}

void PacketBuilder::fill_in_transport_checksum(std::size_t index, IpProtocol protocol, std::size_t at) {
  const Layer* ip = ip_around(index);
  if (ip == nullptr) return;  // no addresses, no pseudo header: the field stays zero
  const std::uint8_t* header = room_.data() + ip->offset;
  const bool is_v6 = ip->kind == Kind::ip6;
  const IpAddress source = is_v6 ? IpAddress::v6(header + 8) : IpAddress::v4(header + 12);
  IpAddress destination = final_destination(content(*ip));
  // Of a header with a version that is not its own the addresses still count.
  if (destination.version != source.version) {
    destination = is_v6 ? IpAddress::v6(header + 24) : IpAddress::v4(header + 16);
  }
  std::uint8_t* p = room_.data() + layers_[index].offset;
  Bytes segment = content(layers_[index]);
  if (protocol == IpProtocol::udp) {
    const std::size_t stated = load_be16(p + 4);
    if (stated >= UdpHeader::size && stated < segment.size()) segment = segment.first(stated);
  }
  store_be16(p + at, 0);
  store_be16(p + at, transport_checksum(source, destination, static_cast<std::uint8_t>(protocol), segment));
}

}  // namespace spiderling
