// The network and transport layers of PacketBuilder.
#include "spiderling/builder.h"

namespace spiderling {
namespace {

std::size_t size_of(std::initializer_list<OptionBytes> options) {
  std::size_t size = 0;
  for (const OptionBytes& option : options) size += option.bytes().size();
  return size;
}

bool any_cut(std::initializer_list<OptionBytes> options) {
  for (const OptionBytes& option : options) {
    if (option.cut()) return true;
  }
  return false;
}

void write(std::initializer_list<OptionBytes> options, std::uint8_t* at) {
  for (const OptionBytes& option : options) {
    const Bytes bytes = option.bytes();
    std::memcpy(at, bytes.data(), bytes.size());
    at += bytes.size();
  }
}

std::size_t round_up(std::size_t size, std::size_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

std::uint16_t flags_and_offset(const Ip4Fields& fields) {
  return static_cast<std::uint16_t>(
      (fields.reserved_flag ? 0x8000u : 0u) | (fields.dont_fragment ? 0x4000u : 0u) |
      (fields.more_fragments ? 0x2000u : 0u) | (fields.fragment_offset / 8u & 0x1fffu));
}

constexpr std::size_t most_option_bytes = 40;  // 15 words of header, less the five fixed ones

// Fills the padding behind IPv6 options: a router may refuse an extension header whose padding is no option.
void pad_ip6_options(std::uint8_t* at, std::size_t count) {
  if (count < 2) return;  // nothing, or Pad1, which is a zero
  at[0] = 1;
  at[1] = static_cast<std::uint8_t>(count - 2);
}

}  // namespace

PacketBuilder& PacketBuilder::ip4(const Ip4Fields& fields, std::initializer_list<OptionBytes> options) {
  const std::size_t option_bytes = size_of(options);
  if (option_bytes > most_option_bytes || any_cut(options)) return fail(BuildError::bad_options);
  const std::size_t header = Ipv4Header::min_size + round_up(option_bytes, 4);
  std::uint8_t* p = add_layer(Kind::ip4, header,
                              (fields.protocol ? 0u : next_protocol) | (fields.total_length ? 0u : length) |
                                  (fields.checksum ? 0u : checksum));
  if (p == nullptr) return *this;
  const std::size_t words = fields.header_words.value_or(static_cast<std::uint8_t>(header / 4));
  p[0] = static_cast<std::uint8_t>((fields.version & 0xfu) << 4 | (words & 0xf));
  p[1] = static_cast<std::uint8_t>(fields.dscp << 2 | static_cast<std::uint8_t>(fields.ecn));
  store_be16(p + 2, fields.total_length.value_or(0));
  store_be16(p + 4, fields.identification);
  store_be16(p + 6, flags_and_offset(fields));
  p[8] = fields.ttl;
  p[9] = fields.protocol.value_or(0);
  store_be16(p + 10, fields.checksum.value_or(0));
  std::memcpy(p + 12, fields.source.bytes.data(), 4);
  std::memcpy(p + 16, fields.destination.bytes.data(), 4);
  write(options, p + Ipv4Header::min_size);
  return *this;
}

PacketBuilder& PacketBuilder::ip6(const Ip6Fields& fields) {
  std::uint8_t* p =
      add_layer(Kind::ip6, Ipv6Header::size,
                (fields.next_header ? 0u : next_protocol) | (fields.payload_length ? 0u : length));
  if (p == nullptr) return *this;
  const unsigned traffic_class = (fields.dscp & 0x3fu) << 2 | static_cast<unsigned>(fields.ecn);
  store_be32(
      p, std::uint32_t{fields.version & 0xfu} << 28 | traffic_class << 20 | (fields.flow_label & 0xfffff));
  store_be16(p + 4, fields.payload_length.value_or(0));
  p[6] = fields.next_header.value_or(0);
  p[7] = fields.hop_limit;
  std::memcpy(p + 8, fields.source.bytes.data(), 16);
  std::memcpy(p + 24, fields.destination.bytes.data(), 16);
  return *this;
}

PacketBuilder& PacketBuilder::add_ip6_options(std::initializer_list<OptionBytes> options, Kind kind) {
  const std::size_t used = 2 + size_of(options);
  const std::size_t header = round_up(used, 8);
  if (header / 8 > 256 || any_cut(options)) return fail(BuildError::bad_options);
  std::uint8_t* p = add_layer(kind, header, next_protocol);
  if (p == nullptr) return *this;
  p[1] = static_cast<std::uint8_t>(header / 8 - 1);
  write(options, p + 2);
  pad_ip6_options(p + used, header - used);
  return *this;
}

PacketBuilder& PacketBuilder::hop_by_hop(std::initializer_list<OptionBytes> options) {
  return add_ip6_options(options, Kind::hop_by_hop);
}

PacketBuilder& PacketBuilder::destination_options(std::initializer_list<OptionBytes> options) {
  return add_ip6_options(options, Kind::destination_options);
}

PacketBuilder& PacketBuilder::routing(const Ip6RoutingFields& fields) {
  const std::size_t header = 8 + 16 * fields.addresses.size();
  if (header / 8 > 256) return fail(BuildError::bad_options);
  std::uint8_t* p = add_layer(Kind::routing, header, fields.next_header ? 0u : next_protocol);
  if (p == nullptr) return *this;
  p[0] = fields.next_header.value_or(0);
  p[1] = fields.header_length.value_or(static_cast<std::uint8_t>(header / 8 - 1));
  p[2] = fields.type;
  p[3] = fields.segments_left;
  // RFC 8754 has the index of the last segment here, the older types have nothing.
  if (fields.type == 4 && !fields.addresses.empty())
    p[4] = static_cast<std::uint8_t>(fields.addresses.size() - 1);
  std::uint8_t* at = p + 8;
  for (const IpAddress& address : fields.addresses) {
    std::memcpy(at, address.bytes.data(), 16);
    at += 16;
  }
  return *this;
}

PacketBuilder& PacketBuilder::ip6_fragment(const Ip6FragmentFields& fields) {
  std::uint8_t* p = add_layer(Kind::ip6_fragment, 8, fields.next_header ? 0u : next_protocol);
  if (p == nullptr) return *this;
  p[0] = fields.next_header.value_or(0);
  store_be16(p + 2,
             static_cast<std::uint16_t>((fields.offset & 0xfff8u) | (fields.more_fragments ? 1u : 0u)));
  store_be32(p + 4, fields.identification);
  return *this;
}

PacketBuilder& PacketBuilder::tcp(const TcpFields& fields, std::initializer_list<OptionBytes> options) {
  const std::size_t option_bytes = size_of(options);
  if (option_bytes > most_option_bytes || any_cut(options)) return fail(BuildError::bad_options);
  const std::size_t header = TcpHeader::min_size + round_up(option_bytes, 4);
  std::uint8_t* p = add_layer(Kind::tcp, header, fields.checksum ? 0u : checksum);
  if (p == nullptr) return *this;
  const std::size_t words = fields.header_words.value_or(static_cast<std::uint8_t>(header / 4));
  store_be16(p, fields.source_port);
  store_be16(p + 2, fields.destination_port);
  store_be32(p + 4, fields.sequence);
  store_be32(p + 8, fields.acknowledgement);
  p[12] = static_cast<std::uint8_t>((words & 0xf) << 4 | (fields.reserved & 0xf));
  p[13] = fields.flags;
  store_be16(p + 14, fields.window);
  store_be16(p + 16, fields.checksum.value_or(0));
  store_be16(p + 18, fields.urgent_pointer);
  write(options, p + TcpHeader::min_size);
  return *this;
}

PacketBuilder& PacketBuilder::udp(const UdpFields& fields) {
  std::uint8_t* p = add_layer(Kind::udp, UdpHeader::size,
                              (fields.length ? 0u : length) | (fields.checksum ? 0u : checksum));
  if (p == nullptr) return *this;
  store_be16(p, fields.source_port);
  store_be16(p + 2, fields.destination_port);
  store_be16(p + 4, fields.length.value_or(0));
  store_be16(p + 6, fields.checksum.value_or(0));
  return *this;
}

PacketBuilder& PacketBuilder::udp_lite(const UdpLiteFields& fields) {
  std::uint8_t* p = add_layer(Kind::udp_lite, UdpHeader::size, fields.checksum ? 0u : checksum);
  if (p == nullptr) return *this;
  store_be16(p, fields.source_port);
  store_be16(p + 2, fields.destination_port);
  store_be16(p + 4, fields.coverage);
  store_be16(p + 6, fields.checksum.value_or(0));
  return *this;
}

PacketBuilder& PacketBuilder::sctp(const SctpFields& fields) {
  std::uint8_t* p = add_layer(Kind::sctp, SctpHeader::size, fields.checksum ? 0u : checksum);
  if (p == nullptr) return *this;
  store_be16(p, fields.source_port);
  store_be16(p + 2, fields.destination_port);
  store_be32(p + 4, fields.verification_tag);
  store_be32(p + 8, fields.checksum.value_or(0));
  return *this;
}

PacketBuilder& PacketBuilder::sctp_chunk(std::uint8_t type, std::uint8_t flags, Bytes value) {
  if (value.size() + 4 > 0xffff) return fail(BuildError::too_long);
  std::uint8_t* p = add_bytes(4 + round_up(value.size(), 4));
  if (p == nullptr) return *this;
  p[0] = type;
  p[1] = flags;
  store_be16(p + 2, static_cast<std::uint16_t>(value.size() + 4));
  if (!value.empty()) std::memcpy(p + 4, value.data(), value.size());
  return *this;
}

PacketBuilder& PacketBuilder::add_icmp(const IcmpFields& fields, Kind kind) {
  std::uint8_t* p = add_layer(kind, IcmpHeader::size, fields.checksum ? 0u : checksum);
  if (p == nullptr) return *this;
  p[0] = fields.type;
  p[1] = fields.code;
  store_be16(p + 2, fields.checksum.value_or(0));
  store_be32(p + 4, fields.rest_of_header);
  return *this;
}

PacketBuilder& PacketBuilder::icmp4(const IcmpFields& fields) { return add_icmp(fields, Kind::icmp4); }
PacketBuilder& PacketBuilder::icmp6(const IcmpFields& fields) { return add_icmp(fields, Kind::icmp6); }

PacketBuilder& PacketBuilder::gre(const GreFields& fields) {
  const std::size_t header =
      4u + (fields.with_checksum ? 4u : 0u) + (fields.key ? 4u : 0u) + (fields.sequence ? 4u : 0u);
  std::uint8_t* p = add_layer(
      Kind::gre, header, (fields.protocol ? 0u : next_protocol) | (fields.with_checksum ? checksum : 0u));
  if (p == nullptr) return *this;
  store_be16(p,
             static_cast<std::uint16_t>((fields.with_checksum ? 0x8000u : 0u) | (fields.key ? 0x2000u : 0u) |
                                        (fields.sequence ? 0x1000u : 0u) | (fields.version & 7u)));
  store_be16(p + 2, fields.protocol.value_or(0));
  std::uint8_t* at = p + (fields.with_checksum ? 8 : 4);
  if (fields.key) {
    store_be32(at, *fields.key);
    at += 4;
  }
  if (fields.sequence) store_be32(at, *fields.sequence);
  return *this;
}

PacketBuilder& PacketBuilder::vxlan(const VxlanFields& fields) {
  std::uint8_t* p = add_layer(Kind::vxlan, 8, 0);
  if (p == nullptr) return *this;
  p[0] = fields.flags;
  store_be32(p + 4, fields.network_identifier << 8);
  return *this;
}

}  // namespace spiderling
