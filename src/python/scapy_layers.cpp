#include "python/scapy_layers.h"

#include <algorithm>

#include "spiderling/headers/dns.h"

namespace spiderling::python {

namespace {

// Ports that scapy 2.5 binds to protocols other than DNS, sorted.
constexpr std::array udp_ports =
    std::to_array<std::uint16_t>({67,   68,   69,   88,   123,  137,  138,  161,  162,  389,   434,  500,
                                  520,  546,  547,  1701, 1812, 1813, 1985, 2029, 2055, 2056,  2727, 3799,
                                  4500, 4789, 4790, 5355, 6343, 6633, 8472, 9995, 9996, 17754, 48879});
constexpr std::array tcp_ports = std::to_array<std::uint16_t>({53, 88, 135, 139, 389, 445, 1723, 2000, 3268});

template <class Ports>
bool is_in(const Ports& ports, std::uint16_t port) {
  return std::ranges::binary_search(ports, port);
}

bool is_dns(std::uint16_t port) { return port == 53 || port == 5353; }

class Finder {
 public:
  Finder(ScapyLayers& layers, Bytes data) : layers_(layers), data_(data) {}

  void link(LinkType type) {
    const auto end = static_cast<std::uint32_t>(data_.size());
    switch (type) {
      case LinkType::ethernet: return ether(0, end);
      case LinkType::linux_cooked: return cooked(0, end);
      case LinkType::raw_bsd:
      case LinkType::raw_openbsd:
      case LinkType::raw_ip: return data_.empty() || data_[0] >> 4 != 6 ? ip(0, end) : ip6(0, end);
      case LinkType::ipv4: return ip(0, end);
      case LinkType::ipv6: return ip6(0, end);
      default: return give_up();
    }
  }

 private:
  const std::uint8_t* at(std::uint32_t offset) const { return data_.data() + offset; }
  std::uint16_t number(std::uint32_t offset) const { return load_be16(at(offset)); }

  void give_up() { layers_.whole = false; }

  // False: there is no room for another.
  bool add(LayerKind kind, std::uint32_t begin, std::uint32_t end) {
    if (layers_.count == ScapyLayers::most) {
      give_up();
      return false;
    }
    layers_.spans[layers_.count++] = {kind, begin, end};
    layers_.present |= bit_of(kind);
    return true;
  }

  void ether(std::uint32_t begin, std::uint32_t end) {
    constexpr std::uint32_t size = 14;
    if (end - begin < size || number(begin + 12) <= 1500) return give_up();
    if (add(LayerKind::Ether, begin, begin + size)) network(number(begin + 12), begin + size, end);
  }

  void cooked(std::uint32_t begin, std::uint32_t end) {
    constexpr std::uint32_t size = 16;
    if (end - begin < size) return give_up();
    if (add(LayerKind::CookedLinux, begin, begin + size)) network(number(begin + 14), begin + size, end);
  }

  void tag(std::uint32_t begin, std::uint32_t end) {
    constexpr std::uint32_t size = 4;
    if (end - begin < size || number(begin + 2) <= 1500) return give_up();
    if (add(LayerKind::Dot1Q, begin, begin + size)) network(number(begin + 2), begin + size, end);
  }

  void network(std::uint16_t ether_type, std::uint32_t begin, std::uint32_t end) {
    if (begin == end) return;
    switch (static_cast<EtherType>(ether_type)) {
      case EtherType::ipv4: return ip(begin, end);
      case EtherType::ipv6: return ip6(begin, end);
      case EtherType::arp: return arp(begin, end);
      default: return ether_type == 0x8100 ? tag(begin, end) : give_up();
    }
  }

  // Of Ethernet and IPv4 only; what follows is padding.
  void arp(std::uint32_t begin, std::uint32_t end) {
    constexpr std::uint32_t size = 28;
    constexpr std::uint8_t ethernet_and_ip4[] = {0, 1, 8, 0, 6, 4};
    if (end - begin < size ||
        !std::equal(std::begin(ethernet_and_ip4), std::end(ethernet_and_ip4), at(begin)))
      return give_up();
    if (add(LayerKind::ARP, begin, begin + size)) padding(begin + size, end);
  }

  void ip(std::uint32_t begin, std::uint32_t end) {
    const auto header = Ipv4Header::at(data_.subspan(begin, end - begin));
    if (!header || header->total_length() < header->header_length()) return give_up();
    const auto header_end = begin + static_cast<std::uint32_t>(header->header_length());
    const std::uint32_t stated_end = std::min(end, begin + header->total_length());
    if (!header->options().empty()) layers_.has_inner_packets = true;
    if (!add(LayerKind::IP, begin, header_end)) return;
    const bool at_an_offset = (number(begin + 6) & 0x1fff) != 0;
    transport(header->protocol(), at_an_offset, header_end, std::max(header_end, stated_end));
    padding(std::max(header_end, stated_end), end);
  }

  void ip6(std::uint32_t begin, std::uint32_t end) {
    const auto header = Ipv6Header::at(data_.subspan(begin, end - begin));
    if (!header || header->payload_length() == 0) return give_up();
    const std::uint32_t header_end = begin + Ipv6Header::size;
    const std::uint32_t stated_end = std::min(end, header_end + header->payload_length());
    if (!add(LayerKind::IPv6, begin, header_end)) return;
    const auto next = static_cast<IpProtocol>(header->next_header());
    if (next != IpProtocol::tcp && next != IpProtocol::udp) return give_up();
    transport(header->next_header(), false, header_end, stated_end);
    padding(stated_end, end);
  }

  // To scapy, what is at an offset in a fragmented datagram is no header.
  void transport(std::uint8_t protocol, bool at_an_offset, std::uint32_t begin, std::uint32_t end) {
    if (begin == end || !layers_.whole) return;
    switch (static_cast<IpProtocol>(protocol)) {
      case IpProtocol::tcp: return at_an_offset ? raw(begin, end) : tcp(begin, end);
      case IpProtocol::udp: return at_an_offset ? raw(begin, end) : udp(begin, end);
      case IpProtocol::icmp: return at_an_offset ? raw(begin, end) : icmp(begin, end);
      default: return give_up();
    }
  }

  void tcp(std::uint32_t begin, std::uint32_t end) {
    constexpr std::uint32_t least = 20;
    if (end - begin < least) return give_up();
    const std::uint32_t size = static_cast<std::uint32_t>(*at(begin + 12) >> 4) * 4;
    if (size < least || size > end - begin) return give_up();
    if (!add(LayerKind::TCP, begin, begin + size) || begin + size == end) return;
    if (scapy_knows_tcp(number(begin), number(begin + 2))) return give_up();
    raw(begin + size, end);
  }

  void udp(std::uint32_t begin, std::uint32_t end) {
    constexpr std::uint32_t size = 8;
    if (end - begin < size || number(begin + 4) < size) return give_up();
    const std::uint32_t stated_end = std::min(end, begin + number(begin + 4));
    if (!add(LayerKind::UDP, begin, begin + size)) return;
    if (begin + size < stated_end) datagram(number(begin), number(begin + 2), begin + size, stated_end);
    padding(stated_end, end);
  }

  void datagram(std::uint16_t source, std::uint16_t destination, std::uint32_t begin, std::uint32_t end) {
    if (is_dns(source) || is_dns(destination)) return dns(begin, end);
    if (scapy_knows_udp(source, destination)) return give_up();
    raw(begin, end);
  }

  void icmp(std::uint32_t begin, std::uint32_t end) {
    constexpr std::uint32_t size = 8;
    constexpr std::uint8_t echo_reply = 0, echo_request = 8;
    if (end - begin < size || (*at(begin) != echo_reply && *at(begin) != echo_request)) return give_up();
    if (add(LayerKind::ICMP, begin, begin + size)) raw(begin + size, end);
  }

  void dns(std::uint32_t begin, std::uint32_t end) {
    const auto message = DnsMessage::at(data_.subspan(begin, end - begin));
    if (!message || end - begin == DnsMessage::header_size ||
        message->question_count() > ScapyLayers::most_questions || !is_all_of(*message))
      return give_up();
    std::uint32_t offset = begin + DnsMessage::header_size;
    for (const DnsQuestion& question : message->questions()) {
      layers_.questions[layers_.question_count++] = offset;
      offset += static_cast<std::uint32_t>(question.encoded_name().size_in_place() + DnsQuestion::fixed_size);
    }
    if (message->answer_count() + message->authority_count() + message->additional_count() > 0)
      layers_.has_inner_packets = true;
    if (layers_.question_count > 0) layers_.present |= bit_of(LayerKind::DNSQR);
    add(LayerKind::DNS, begin, end);
  }

  // It parses, and nothing is behind it.
  static bool is_all_of(const DnsMessage& message) {
    if (!message.well_formed()) return false;
    const auto end_of = [](const auto& section, std::size_t otherwise) {
      auto i = section.begin();
      if (i == section.end()) return otherwise;
      while (!(i == section.end())) ++i;
      return i.end_offset();
    };
    std::size_t end = end_of(message.questions(), DnsMessage::header_size);
    end = end_of(message.answers(), end);
    end = end_of(message.authorities(), end);
    return end_of(message.additionals(), end) == message.bytes().size();
  }

  void raw(std::uint32_t begin, std::uint32_t end) {
    if (begin < end) add(LayerKind::Raw, begin, end);
  }

  // scapy puts the paddings of all layers at the end, the innermost first: where there would be two of them,
  // or not all is known that comes before, it is left to it.
  void padding(std::uint32_t begin, std::uint32_t end) {
    if (begin >= end || !layers_.whole) return;
    add(LayerKind::Padding, begin, end);
  }

  ScapyLayers& layers_;
  Bytes data_;
};

}  // namespace

bool scapy_knows_udp(std::uint16_t source, std::uint16_t destination) {
  return is_in(udp_ports, source) || is_in(udp_ports, destination);
}

bool scapy_knows_tcp(std::uint16_t source, std::uint16_t destination) {
  return is_in(tcp_ports, source) || is_in(tcp_ports, destination);
}

void find_layers(ScapyLayers& layers, Bytes data, LinkType link_type) {
  layers.count = layers.question_count = 0;
  layers.whole = true;
  layers.has_inner_packets = false;
  layers.present = 0;
  Finder(layers, data).link(link_type);
}

}  // namespace spiderling::python
