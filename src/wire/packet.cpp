// The members of Packet that look beyond one set of layers.
#include "spiderling/packet.h"

#include <algorithm>

#include "wire/dissect.h"

namespace spiderling {

namespace {

constexpr std::uint16_t dns_port = 53;
constexpr std::uint16_t mdns_port = 5353;
constexpr std::uint16_t vxlan_port = 4789;  // RFC 7348

}  // namespace

std::optional<FragmentInfo> Packet::fragment() const {
  if (!is_fragment_) return std::nullopt;
  if (ip_version_ == IpVersion::v4) {
    const auto ip = ip4();
    return FragmentInfo{ip->identification(), ip->fragment_offset(), ip->more_fragments()};
  }
  const std::uint8_t* header = data_ + fragment_header_;
  const std::uint16_t field = load_be16(header + 2);
  return FragmentInfo{load_be32(header + 4), static_cast<std::uint16_t>(field & 0xfff8), (field & 1) != 0};
}

std::optional<Packet> Packet::quotation() const {
  const auto error = icmp();
  if (!error || !error->is_error()) return std::nullopt;
  const Bytes quoted = payload();
  const std::size_t least = ip_version_ == IpVersion::v4 ? Ipv4Header::min_size : Ipv6Header::size;
  if (quoted.size() < least) return std::nullopt;
  Packet packet;
  // The quotation is cut by design, so what it states of its length is not held against it.
  Dissector::dissect_ip(packet, quoted, std::max(static_cast<std::uint32_t>(quoted.size()), 0xffffu),
                        time_ns_);
  if (packet.ip_version_ != ip_version_) return std::nullopt;
  return packet;
}

std::optional<DnsMessage> Packet::dns() const {
  if (!has_ports_) return std::nullopt;
  const auto either_port = [&](std::uint16_t port) {
    return source_port() == port || destination_port() == port;
  };
  if (is(IpProtocol::udp) && (either_port(dns_port) || either_port(mdns_port)))
    return DnsMessage::at(payload());
  if (is(IpProtocol::tcp) && either_port(dns_port)) {
    const Bytes segment = payload();  // RFC 1035, 4.2.2: a two-byte length goes before
    if (segment.size() < 2 || load_be16(segment.data()) > segment.size() - 2) return std::nullopt;
    return DnsMessage::at(segment.subspan(2, load_be16(segment.data())));
  }
  return std::nullopt;
}

namespace {

// RFC 2784 and 2890. The packet behind a GRE header.
struct GrePayload {
  std::uint16_t ether_type;
  Bytes bytes;
};
std::optional<GrePayload> behind_gre(Bytes gre) {
  if (gre.size() < 4) return std::nullopt;
  const std::uint16_t flags = load_be16(gre.data());
  constexpr std::uint16_t checksum = 0x8000, routing = 0x4000, key = 0x2000, sequence = 0x1000,
                          version = 0x0007;
  if ((flags & (routing | version)) != 0) return std::nullopt;
  std::size_t size = 4;
  for (const std::uint16_t optional_word : {checksum, key, sequence}) {
    if ((flags & optional_word) != 0) size += 4;
  }
  if (gre.size() < size) return std::nullopt;
  return GrePayload{load_be16(gre.data() + 2), gre.subspan(size)};
}

}  // namespace

std::optional<Packet> Packet::inner() const {
  Packet packet;
  const auto wire_length_of = [&](Bytes inner_bytes) {
    const auto before = static_cast<std::uint32_t>(inner_bytes.data() - payload().data());
    return payload_length_ - std::min(before, payload_length_);
  };
  const auto as_ip = [&](Bytes bytes) -> std::optional<Packet> {
    Dissector::dissect_ip(packet, bytes, wire_length_of(bytes), time_ns_);
    if (!packet.is_ip()) return std::nullopt;
    return packet;
  };
  const auto as_ethernet = [&](Bytes bytes) -> std::optional<Packet> {
    Dissector::dissect(packet, bytes, wire_length_of(bytes), time_ns_, LinkType::ethernet);
    if (packet.ether_type() == 0) return std::nullopt;
    return packet;
  };
  if (!is_ip() || is_fragment_) return std::nullopt;
  if (is(IpProtocol::ipip) || is(IpProtocol::ipv6)) return as_ip(payload());
  if (is(IpProtocol::gre)) {
    const auto gre = behind_gre(payload());
    if (!gre) return std::nullopt;
    if (gre->ether_type == static_cast<std::uint16_t>(EtherType::transparent_ethernet))
      return as_ethernet(gre->bytes);
    if (gre->ether_type == static_cast<std::uint16_t>(EtherType::ipv4) ||
        gre->ether_type == static_cast<std::uint16_t>(EtherType::ipv6)) {
      return as_ip(gre->bytes);
    }
    return std::nullopt;
  }
  if (is(IpProtocol::udp) && has_ports_ && destination_port() == vxlan_port) {
    const Bytes vxlan = payload();
    constexpr std::size_t vxlan_header = 8;
    if (vxlan.size() < vxlan_header || (vxlan[0] & 0x08) == 0) return std::nullopt;
    return as_ethernet(vxlan.subspan(vxlan_header));
  }
  return std::nullopt;
}

OwnedPacket::OwnedPacket(const Packet& packet) {
  const Bytes bytes = packet.data();
  bytes_ = std::make_unique<std::uint8_t[]>(bytes.size());
  if (!bytes.empty()) std::memcpy(bytes_.get(), bytes.data(), bytes.size());
  packet_ = Dissector::rebase(packet, bytes_.get());
}

OwnedPacket Packet::own() const { return OwnedPacket(*this); }

}  // namespace spiderling
