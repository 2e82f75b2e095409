#include "wire/dissect.h"

#include <algorithm>

namespace spiderling {

namespace {

// Bounds on what a hostile packet can make us walk.
constexpr int max_vlan_tags = 8;
constexpr int max_mpls_labels = 16;
constexpr int max_extension_headers = 16;

constexpr std::uint16_t ether(EtherType type) { return static_cast<std::uint16_t>(type); }
constexpr std::uint8_t proto(IpProtocol protocol) { return static_cast<std::uint8_t>(protocol); }

// Address families as BSD loopback headers carry them: IPv6 has a number a system.
bool is_ipv6_family(std::uint32_t family) {
  return family == 10 || family == 24 || family == 28 || family == 30;
}

bool is_vlan(std::uint16_t type) {
  return type == ether(EtherType::vlan) || type == ether(EtherType::qinq) ||
         type == ether(EtherType::qinq_old);
}

bool is_mpls(std::uint16_t type) {
  return type == ether(EtherType::mpls) || type == ether(EtherType::mpls_multicast);
}

// RFC 1661, section 2, and RFC 3032: PPP protocol numbers to EtherTypes; 0 for what we do not decode.
std::uint16_t ether_type_of_ppp(std::uint16_t protocol) {
  switch (protocol) {
    case 0x0021: return ether(EtherType::ipv4);
    case 0x0057: return ether(EtherType::ipv6);
    case 0x0281: return ether(EtherType::mpls);
    case 0x0283: return ether(EtherType::mpls_multicast);
    default: return 0;
  }
}

}  // namespace

// Walks forward over the captured bytes.
struct Dissector::Cursor {
  const std::uint8_t* data;
  std::uint32_t size;
  std::uint32_t at = 0;

  std::uint32_t left() const { return size - at; }
  const std::uint8_t* here() const { return data + at; }
  bool has(std::uint32_t bytes) const { return left() >= bytes; }
};

void Dissector::dissect(Packet& packet, Bytes captured, std::uint32_t wire_length, std::int64_t time_ns,
                        LinkType link_type) {
  packet = Packet{};
  packet.data_ = captured.data();
  packet.captured_ = static_cast<std::uint32_t>(captured.size());
  packet.wire_length_ = std::max(wire_length, packet.captured_);
  packet.time_ns_ = time_ns;
  packet.link_type_ = link_type;
  Cursor cursor{packet.data_, packet.captured_};
  link(packet, cursor, link_type);
  if (packet.ether_type_ != 0) network(packet, cursor);
}

void Dissector::dissect_ip(Packet& packet, Bytes captured, std::uint32_t wire_length, std::int64_t time_ns) {
  dissect(packet, captured, wire_length, time_ns, LinkType::raw_ip);
}

Packet Dissector::rebase(const Packet& packet, const std::uint8_t* copy) {
  Packet moved = packet;
  moved.data_ = copy;
  return moved;
}

namespace {

// The EtherType of a header that only states a family or nothing at all: told by the IP version.
std::uint16_t ether_type_by_version(std::uint8_t first_byte) {
  switch (first_byte >> 4) {
    case 4: return ether(EtherType::ipv4);
    case 6: return ether(EtherType::ipv6);
    default: return 0;
  }
}

}  // namespace

void Dissector::link(Packet& packet, Cursor& cursor, LinkType link_type) {
  std::uint16_t type = 0;
  const auto cut = [&] { note(packet, Defect::cut_link); };
  switch (link_type) {
    case LinkType::ethernet: {
      if (!cursor.has(EthernetHeader::size)) return cut();
      type = load_be16(cursor.here() + 12);
      cursor.at = EthernetHeader::size;
      // IEEE 802.2 with SNAP: a length where the type would be, the type behind LLC and organisation code.
      constexpr std::uint8_t snap[6] = {0xaa, 0xaa, 0x03, 0, 0, 0};
      if (type < 1536) {
        if (!cursor.has(8) || std::memcmp(cursor.here(), snap, sizeof snap) != 0) return;
        type = load_be16(cursor.here() + 6);
        cursor.at += 8;
      }
      break;
    }
    case LinkType::linux_cooked:
      if (!cursor.has(16)) return cut();
      type = load_be16(cursor.here() + 14);
      cursor.at = 16;
      break;
    case LinkType::linux_cooked_v2:
      if (!cursor.has(20)) return cut();
      type = load_be16(cursor.here());
      cursor.at = 20;
      break;
    case LinkType::null:
    case LinkType::loop: {
      if (!cursor.has(4)) return cut();
      std::uint32_t family = load_be32(cursor.here());
      // A family is a small number, so the order of its bytes can be told (null: the writer's own order).
      if (family > 0xffff) family = __builtin_bswap32(family);
      if (family == 2)
        type = ether(EtherType::ipv4);
      else if (is_ipv6_family(family))
        type = ether(EtherType::ipv6);
      else
        note(packet, Defect::bad_link);
      cursor.at = 4;
      break;
    }
    case LinkType::ppp:
    case LinkType::ppp_hdlc: {
      // Address and control may be left out (RFC 1661, 6.6), and so may the protocol's zero byte (6.5).
      if (cursor.has(2) && cursor.here()[0] == 0xff && cursor.here()[1] == 0x03) cursor.at = 2;
      if (!cursor.has(2)) return cut();
      if (link_type == LinkType::ppp_hdlc && cursor.at == 0 &&
          (cursor.here()[0] == 0x0f || cursor.here()[0] == 0x8f)) {
        if (!cursor.has(4)) return cut();
        type = load_be16(cursor.here() + 2);  // Cisco HDLC
        cursor.at = 4;
        break;
      }
      const bool compressed = (cursor.here()[0] & 1) != 0;
      type = ether_type_of_ppp(compressed ? cursor.here()[0] : load_be16(cursor.here()));
      cursor.at += compressed ? 1 : 2;
      break;
    }
    case LinkType::raw_bsd:
    case LinkType::raw_openbsd:
    case LinkType::raw_ip:
    case LinkType::ipv4:
    case LinkType::ipv6:
      if (!cursor.has(1)) return cut();
      type = ether_type_by_version(cursor.here()[0]);
      if (type == 0) note(packet, Defect::bad_network);
      break;
  }

  while (is_vlan(type)) {
    if (packet.vlan_count_ == max_vlan_tags) {
      note(packet, Defect::bad_link);
      return;
    }
    if (!cursor.has(4)) return cut();
    if (packet.vlan_count_++ == 0) packet.vlan_.tci = load_be16(cursor.here());
    type = load_be16(cursor.here() + 2);
    cursor.at += 4;
  }
  if (type == ether(EtherType::pppoe_session)) {  // RFC 2516
    if (!cursor.has(8)) return cut();
    type = ether_type_of_ppp(load_be16(cursor.here() + 6));
    cursor.at += 8;
  }
  if (is_mpls(
          type)) {  // RFC 3032: labels to the bottom of the stack; what follows is told by its first nibble
    bool bottom = false;
    while (!bottom) {
      if (packet.mpls_count_ == max_mpls_labels) {
        note(packet, Defect::bad_link);
        return;
      }
      if (!cursor.has(5)) return cut();
      bottom = (cursor.here()[2] & 1) != 0;
      ++packet.mpls_count_;
      cursor.at += 4;
    }
    type = ether_type_by_version(cursor.here()[0]);
  }
  packet.network_ = static_cast<std::uint16_t>(cursor.at);
  packet.ether_type_ = type;
}

namespace {

// RFC 791 and RFC 9293 write options alike: kinds 0 and 1 are single bytes, the others state their length.
bool options_well_formed(const std::uint8_t* options, std::uint32_t size) {
  constexpr std::uint8_t usual[4] = {1, 1, 8, 10};  // nearly every segment: timestamps, aligned
  if (size == 12 && std::memcmp(options, usual, sizeof usual) == 0) return true;
  return TcpOptions({options, size}).well_formed();
}

}  // namespace

void Dissector::network(Packet& packet, Cursor& cursor) {
  if (packet.ether_type_ == ether(EtherType::ipv4))
    ipv4(packet, cursor);
  else if (packet.ether_type_ == ether(EtherType::ipv6))
    ipv6(packet, cursor);
}

void Dissector::ipv4(Packet& packet, Cursor& cursor) {
  const std::uint8_t* p = cursor.here();
  if (!cursor.has(Ipv4Header::min_size)) {
    note(packet, Defect::cut_network);
    return;
  }
  const std::uint32_t header_length = (p[0] & 0x0fu) * 4u;
  if ((p[0] >> 4) != 4 || header_length < Ipv4Header::min_size) {
    note(packet, Defect::bad_network);
    return;
  }
  if (!cursor.has(header_length)) {
    note(packet, Defect::cut_network);
    return;
  }
  const std::uint32_t on_wire = packet.wire_length_ - cursor.at;
  std::uint32_t length = load_be16(p + 2);
  if (length == 0) length = on_wire;  // a large segment, captured before the card split it
  if (length < header_length) {
    note(packet, Defect::bad_network);
    return;
  }
  if (length > on_wire)
    note(packet, Defect::bad_network);
  else if (!options_well_formed(p + Ipv4Header::min_size,
                                header_length - std::uint32_t{Ipv4Header::min_size})) {
    note(packet, Defect::bad_option);
  }

  packet.ip_version_ = IpVersion::v4;
  packet.ip_length_ = length;
  packet.protocol_ = p[9];
  const std::uint16_t fragment = load_be16(p + 6);
  packet.is_fragment_ = (fragment & 0x3fff) != 0;
  packet.is_later_fragment_ = (fragment & 0x1fff) != 0;
  cursor.size = std::min(cursor.size, cursor.at + length);
  cursor.at += header_length;
  transport(packet, cursor, length - header_length);
}

void Dissector::ipv6(Packet& packet, Cursor& cursor) {
  const std::uint8_t* p = cursor.here();
  if (!cursor.has(Ipv6Header::size)) {
    note(packet, Defect::cut_network);
    return;
  }
  if ((p[0] >> 4) != 6) {
    note(packet, Defect::bad_network);
    return;
  }
  const std::uint32_t on_wire = packet.wire_length_ - cursor.at;
  std::uint32_t length = load_be16(p + 4) + std::uint32_t{Ipv6Header::size};
  // Payload length 0 is a jumbogram (RFC 2675) or a large segment captured before the card split it.
  if (length == Ipv6Header::size && on_wire > 0xffff) length = on_wire;
  if (length > on_wire) note(packet, Defect::bad_network);

  packet.ip_version_ = IpVersion::v6;
  packet.ip_length_ = length;
  cursor.size = std::min(cursor.size, cursor.at + length);
  const std::uint32_t end = packet.network_ + length;
  cursor.at += Ipv6Header::size;

  std::uint8_t next = p[6];
  for (int count = 0;; ++count) {
    std::uint32_t size = 0;
    switch (static_cast<IpProtocol>(next)) {
      case IpProtocol::hop_by_hop:
      case IpProtocol::routing:
      case IpProtocol::destination_options:
      case IpProtocol::mobility:
      case IpProtocol::hip:
      case IpProtocol::shim6: size = cursor.has(2) ? (cursor.here()[1] + 1u) * 8u : 8u; break;
      case IpProtocol::ah: size = cursor.has(2) ? (cursor.here()[1] + 2u) * 4u : 8u; break;  // RFC 4302
      case IpProtocol::fragment: size = 8; break;
      default:
        packet.protocol_ = next;
        transport(packet, cursor, end - cursor.at);
        return;
    }
    packet.protocol_ = next;
    if (count == max_extension_headers || end - cursor.at < size) {
      note(packet, Defect::bad_network);
      size = cursor.left() + 1;  // as below: no transport can be found
    }
    if (!cursor.has(size)) {
      note(packet, Defect::cut_network);
      packet.transport_ = static_cast<std::uint16_t>(cursor.at);
      packet.payload_ = cursor.at;
      return;
    }
    next = cursor.here()[0];
    if (packet.protocol_ == proto(IpProtocol::fragment)) {
      const std::uint16_t field = load_be16(cursor.here() + 2);
      packet.fragment_header_ = static_cast<std::uint16_t>(cursor.at);
      // An atomic fragment (RFC 6946) is whole.
      packet.is_fragment_ = (field & 0xfff9) != 0;
      packet.is_later_fragment_ = (field & 0xfff8) != 0;
    }
    cursor.at += size;
    if (packet.is_later_fragment_) {
      packet.protocol_ = next;
      transport(packet, cursor, end - cursor.at);
      return;
    }
  }
}

namespace {

// What of a transport header must be there to be read at all; 0: it has no view of its own.
std::uint32_t fixed_header_size(std::uint8_t protocol) {
  switch (static_cast<IpProtocol>(protocol)) {
    case IpProtocol::tcp: return TcpHeader::min_size;
    case IpProtocol::udp:
    case IpProtocol::udplite: return UdpHeader::size;
    case IpProtocol::sctp: return SctpHeader::size;
    default: return 0;
  }
}

}  // namespace

// `length`: of the transport header and payload, as the IP header states it.
void Dissector::transport(Packet& packet, Cursor& cursor, std::uint32_t length) {
  packet.transport_ = static_cast<std::uint16_t>(cursor.at);
  packet.transport_captured_ = cursor.left();
  packet.payload_ = cursor.at;
  const auto payload_behind = [&](std::uint32_t header, std::uint32_t stated) {
    packet.payload_length_ = stated - header;
    const std::uint32_t skipped = std::min(header, cursor.left());
    packet.payload_ = cursor.at + skipped;
    packet.payload_captured_ = std::min(cursor.left() - skipped, packet.payload_length_);
  };
  const std::uint32_t fixed =
      packet.is_icmp() ? std::uint32_t{IcmpHeader::size} : fixed_header_size(packet.protocol_);
  if (packet.is_later_fragment_ || fixed == 0) return payload_behind(0, length);

  packet.has_ports_ = !packet.is_icmp() && cursor.has(4);
  if (length < fixed) {
    note(packet, Defect::bad_transport);
    return;
  }
  if (!cursor.has(fixed)) {
    note(packet, Defect::cut_transport);
    return;
  }
  std::uint32_t header = fixed;
  if (packet.protocol_ == proto(IpProtocol::tcp)) {
    header = (cursor.here()[12] >> 4) * 4u;
    if (header < TcpHeader::min_size || header > length) {
      note(packet, Defect::bad_transport);
      return;
    }
    if (header != fixed && cursor.has(header) &&
        !options_well_formed(cursor.here() + fixed, header - fixed)) {
      note(packet, Defect::bad_option);
    }
  }
  std::uint32_t stated = length;
  if (packet.protocol_ == proto(IpProtocol::udp) && !packet.is_fragment_) {
    const std::uint32_t udp_length = load_be16(cursor.here() + 4);
    if (udp_length >= UdpHeader::size && udp_length <= length)
      stated = udp_length;
    else if (udp_length != 0 || length <= 0xffff)
      note(packet, Defect::bad_transport);  // 0: RFC 2675 jumbogram
  }
  payload_behind(header, stated);
}

}  // namespace spiderling
