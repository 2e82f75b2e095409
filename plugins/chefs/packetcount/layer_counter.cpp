#include "layer_counter.h"

#include <algorithm>

#include <boost/json/object.hpp>

namespace spiderling::packetcount {

namespace {

constexpr int deepest_tunnel = 4;

bool is_vlan(std::uint16_t type) {
  return type == static_cast<std::uint16_t>(EtherType::vlan) ||
         type == static_cast<std::uint16_t>(EtherType::qinq) ||
         type == static_cast<std::uint16_t>(EtherType::qinq_old);
}

bool either_port(const Packet& packet, std::uint16_t port) {
  return packet.source_port() == port || packet.destination_port() == port;
}

}  // namespace

void LayerCounter::count(const Packet& packet, int depth) {
  if (link(packet)) network(packet, depth);
}

// False: nothing behind it is known.
bool LayerCounter::link(const Packet& packet) {
  switch (packet.link_type()) {
    case LinkType::ethernet: {
      const auto ethernet = packet.ethernet();
      if (!ethernet) {
        add(Name::raw);
        return false;
      }
      constexpr std::uint16_t longest_dot3 = 1500;
      if (ethernet->type() <= longest_dot3) {
        dot3(packet.data().subspan(EthernetHeader::size));
        return packet.ether_type() != 0;
      }
      add(Name::ethernet);
      if (ethernet->type() != packet.ether_type()) behind_tags(packet);
      break;
    }
    case LinkType::null:
    case LinkType::loop: add(Name::loopback); break;
    case LinkType::linux_cooked: add(Name::cooked); break;
    case LinkType::linux_cooked_v2: add(Name::cooked2); break;
    case LinkType::ppp:
    case LinkType::ppp_hdlc: add(Name::ppp); break;
    default: break;  // begins with IP
  }
  return true;
}

void LayerCounter::behind_tags(const Packet& packet) {
  const Bytes data = packet.data();
  std::uint16_t type = load_be16(data.data() + 12);
  for (std::size_t at = EthernetHeader::size; is_vlan(type) && at + 4 <= data.size(); at += 4) {
    add(type == static_cast<std::uint16_t>(EtherType::qinq) ? Name::dot1ad : Name::dot1q);
    type = load_be16(data.data() + at + 2);
  }
  if (type == static_cast<std::uint16_t>(EtherType::pppoe_session)) {
    add(Name::pppoe);
    add(Name::ppp);
  }
  counts_[static_cast<std::size_t>(Name::mpls)] += packet.mpls_label_count();
}

// IEEE 802.2: LLC, and SNAP where it says so.
void LayerCounter::dot3(Bytes bytes) {
  add(Name::dot3);
  constexpr std::size_t llc_size = 3, snap_size = 5;
  if (bytes.size() < llc_size) return add_if(!bytes.empty(), Name::raw);
  add(Name::llc);
  const bool is_snap = bytes[0] == 0xaa && bytes[1] == 0xaa && bytes[2] == 3;
  const Bytes rest = bytes.subspan(llc_size);
  if (!is_snap || rest.size() < snap_size) return add_if(!rest.empty(), Name::raw);
  add(Name::snap);
}

void LayerCounter::network(const Packet& packet, int depth) {
  const Bytes network = packet.network();
  switch (packet.ip_version()) {
    case IpVersion::v4: add(Name::ip); break;
    case IpVersion::v6:
      add(Name::ipv6);
      if (network[6] != packet.protocol()) extension_headers(packet);
      break;
    case IpVersion::none:
      if (packet.ether_type() == static_cast<std::uint16_t>(EtherType::arp))
        arp(network);
      else
        add_if(!network.empty(), Name::raw);
      return;
  }
  transport(packet, depth);
  add_if(network.size() > packet.ip_length(), Name::padding);
}

void LayerCounter::arp(Bytes network) {
  constexpr std::size_t fixed = 8;
  add_if(!network.empty(), Name::arp);
  if (network.size() < fixed) return;
  const std::size_t size = fixed + 2u * (std::size_t{network[4]} + network[5]);
  add_if(network.size() > size, Name::padding);
}

void LayerCounter::extension_headers(const Packet& packet) {
  const Bytes bytes =
      packet.network().first(std::min<std::size_t>(packet.network().size(), packet.ip_length()));
  std::uint8_t next = bytes[6];
  for (std::size_t at = Ipv6Header::size; at + 8 <= bytes.size();) {
    switch (static_cast<IpProtocol>(next)) {
      case IpProtocol::hop_by_hop: add(Name::hop_by_hop); break;
      case IpProtocol::routing: add(Name::routing); break;
      case IpProtocol::destination_options: add(Name::destination); break;
      case IpProtocol::fragment: add(Name::fragment); break;
      case IpProtocol::ah: add(Name::ah); break;
      default: return;
    }
    const std::size_t length = bytes[at + 1];
    const bool is_ah = next == static_cast<std::uint8_t>(IpProtocol::ah);
    const bool is_fragment = next == static_cast<std::uint8_t>(IpProtocol::fragment);
    next = bytes[at];
    at += is_fragment ? 8 : is_ah ? (length + 2) * 4 : (length + 1) * 8;
  }
}

void LayerCounter::transport(const Packet& packet, int depth) {
  const Bytes payload = packet.payload();
  if (packet.is_later_fragment()) return add_if(!payload.empty(), Name::raw);
  switch (static_cast<IpProtocol>(packet.protocol())) {
    case IpProtocol::tcp: {
      if (packet.transport().bytes.empty()) return;
      add(Name::tcp);
      if (payload.empty()) return;
      add(packet.dns() ? Name::dns : Name::raw);
      return;
    }
    case IpProtocol::udp: return udp_payload(packet, depth);
    case IpProtocol::icmp:
      if (packet.ip_version() == IpVersion::v4) return icmp(packet);
      break;
    case IpProtocol::icmpv6:
      if (packet.ip_version() == IpVersion::v6) return icmp6(packet);
      break;
    case IpProtocol::sctp: add(Name::sctp); break;
    case IpProtocol::gre: add(Name::gre); break;
    case IpProtocol::esp: add(Name::esp); return;  // the rest is its data
    case IpProtocol::ah: add(Name::ah); break;
    default: break;
  }
  if (!inside(packet, depth)) add_if(!payload.empty(), Name::raw);
}

// A tunnel's inner packet.
bool LayerCounter::inside(const Packet& packet, int depth) {
  if (depth == deepest_tunnel) return false;
  const auto inner = packet.inner();
  if (!inner) return false;
  count(*inner, depth + 1);
  return true;
}

void LayerCounter::udp_payload(const Packet& packet, int depth) {
  if (packet.transport().bytes.empty()) return;
  add(Name::udp);
  const Bytes payload = packet.payload();
  // Between the UDP length and the end of the datagram.
  add_if(packet.transport().bytes.size() > UdpHeader::size + payload.size(), Name::padding);
  if (payload.empty()) return;
  constexpr std::uint16_t ntp = 123, bootp_server = 67, bootp_client = 68, llmnr = 5355, vxlan = 4789;
  if (packet.dns()) return add(Name::dns);
  if (either_port(packet, ntp)) return add(Name::ntp);
  if (either_port(packet, bootp_server) || either_port(packet, bootp_client)) {
    constexpr std::size_t bootp_size = 236;
    constexpr std::uint32_t dhcp_cookie = 0x63825363;  // RFC 2131, section 3
    add(Name::bootp);
    return add_if(payload.size() > bootp_size + 4 && load_be32(payload.data() + bootp_size) == dhcp_cookie,
                  Name::dhcp);
  }
  if (either_port(packet, llmnr) && payload.size() >= DnsMessage::header_size) {
    return add((payload[2] & 0x80) != 0 ? Name::llmnr_response : Name::llmnr_query);
  }
  if (packet.destination_port() == vxlan) {
    add(Name::vxlan);
    if (inside(packet, depth)) return;
  }
  add(Name::raw);
}

void LayerCounter::icmp(const Packet& packet) {
  const auto header = packet.icmp();
  if (!header) return add_if(!packet.transport().bytes.empty(), Name::raw);
  add(Name::icmp);
  if (header->is_error() && packet.quotation()) return quotation(packet);
  add_if(!packet.payload().empty(), Name::raw);
}

void LayerCounter::icmp6(const Packet& packet) {
  const auto header = packet.icmp();
  if (!header) return add_if(!packet.transport().bytes.empty(), Name::raw);
  ++icmp6_[header->type()];
  if (header->is_error() && packet.quotation()) return quotation(packet);
  // Where the options start: RFC 4861, sections 4.1 to 4.5.
  const std::size_t options = header->type() == 133                            ? 8
                              : header->type() == 134                          ? 16
                              : header->type() == 135 || header->type() == 136 ? 24
                              : header->type() == 137                          ? 40
                                                                               : 0;
  const Bytes bytes = packet.transport().bytes;
  if (options != 0 && bytes.size() > options) neighbor_options(bytes.subspan(options));
}

void LayerCounter::neighbor_options(Bytes options) {
  while (options.size() >= 8) {
    const std::size_t size = std::size_t{options[1]} * 8;  // RFC 4861, section 4.6: never 0
    if (size == 0 || size > options.size()) break;
    ++neighbor_options_[options[0]];
    options = options.subspan(size);
  }
  add_if(!options.empty(), Name::raw);
}

void LayerCounter::quotation(const Packet& packet) {
  const auto quoted = packet.quotation();
  add(quoted->ip_version() == IpVersion::v4 ? Name::ip_in_icmp : Name::ipv6_in_icmp);
  if (quoted->transport().bytes.empty()) return;
  if (quoted->is(IpProtocol::tcp))
    add(Name::tcp_in_icmp);
  else if (quoted->is(IpProtocol::udp))
    add(Name::udp_in_icmp);
  else if (quoted->is(IpProtocol::icmp))
    add(Name::icmp_in_icmp);
  else
    return add(Name::raw);
  add_if(!quoted->payload().empty(), Name::raw);
}

boost::json::object LayerCounter::counts() const {
  boost::json::object counts;
  const auto put = [&](std::string_view name, std::uint64_t number) {
    if (number == 0) return;
    auto& value = counts[name];  // two types may have one name
    value = number + (value.is_uint64() ? value.get_uint64() : 0);
  };
  for (std::size_t i = 0; i < counts_.size(); ++i) put(names[i], counts_[i]);
  for (std::size_t i = 0; i < icmp6_.size(); ++i) put(icmp6_name(static_cast<std::uint8_t>(i)), icmp6_[i]);
  for (std::size_t i = 0; i < neighbor_options_.size(); ++i) {
    put(neighbor_option_name(static_cast<std::uint8_t>(i)), neighbor_options_[i]);
  }
  return counts;
}

}  // namespace spiderling::packetcount
