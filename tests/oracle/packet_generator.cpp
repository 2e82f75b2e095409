#include "packet_generator.h"

namespace spiderling::oracle {

PacketGenerator::Generated PacketGenerator::next(LinkType link_type) {
  packet_.clear();
  broken_ = one_in(8);
  fragment_ = false;
  link(link_type);
  if (link_type == LinkType::ethernet && one_in(20)) {
    packet_.arp({.operation = static_cast<std::uint16_t>(1 + below(2)),
                 .sender_hardware = mac(),
                 .sender_address = address(IpVersion::v4),
                 .target_hardware = mac(),
                 .target_address = address(IpVersion::v4)});
  } else {
    network(2);
  }
  if (link_type == LinkType::ethernet && one_in(3)) packet_.pad_to(60);
  const auto built = packet_.finish();
  if (!built) return next(link_type);  // too many layers, say
  Generated result{{built->begin(), built->end()}, static_cast<std::uint32_t>(built->size())};
  if (broken_ && one_in(2)) result.bytes.resize(below(result.bytes.size() + 1));
  return result;
}

// Off those that tshark decodes further, but for DNS and VXLAN, which have functions of their own.
std::uint16_t PacketGenerator::port() { return static_cast<std::uint16_t>(50000 + below(1000)); }

IpAddress PacketGenerator::address(IpVersion version) {
  std::uint8_t bytes[16];
  for (std::uint8_t& byte : bytes) byte = one_in(3) ? std::uint8_t{0} : u8();
  if (version == IpVersion::v4) {
    bytes[0] = static_cast<std::uint8_t>(1 + below(200));
    return IpAddress::v4(bytes);
  }
  bytes[0] = 0x20;
  return IpAddress::v6(bytes);
}

MacAddress PacketGenerator::mac() { return {{0x02, u8(), u8(), u8(), u8(), u8()}}; }

void PacketGenerator::link(LinkType link_type) {
  switch (link_type) {
    case LinkType::ethernet: return ethernet();
    case LinkType::linux_cooked: packet_.linux_cooked({.packet_type = 4, .address = mac()}); return;
    case LinkType::linux_cooked_v2: packet_.linux_cooked_v2({.packet_type = 4, .address = mac()}); return;
    case LinkType::null: packet_.null_link(); return;
    case LinkType::loop: packet_.loop_link(); return;
    case LinkType::ppp: packet_.ppp(); return;
    default: return;
  }
}

void PacketGenerator::ethernet() {
  packet_.ethernet({.destination = mac(), .source = mac()});
  const std::uint64_t tags = one_in(3) ? 1 + below(2) : 0;
  for (std::uint64_t i = 0; i < tags; ++i) {
    packet_.vlan({.id = static_cast<std::uint16_t>(1 + below(4000)),
                  .priority = static_cast<std::uint8_t>(below(8)),
                  .tag_protocol = static_cast<std::uint16_t>(tags == 2 && i == 0 ? 0x88a8 : 0x8100)});
  }
  const std::uint64_t labels = one_in(8) ? 1 + below(3) : 0;
  for (std::uint64_t i = 0; i < labels; ++i)
    packet_.mpls({.label = 16 + static_cast<std::uint32_t>(below(1000))});
}

void PacketGenerator::network(int depth) { network(one_in(2) ? IpVersion::v4 : IpVersion::v6, depth); }

void PacketGenerator::network(IpVersion version, int depth) {
  version == IpVersion::v4 ? ip4() : ip6();
  transport(version, depth);
}

void PacketGenerator::ip4() {
  Ip4Fields fields{.source = address(IpVersion::v4),
                   .destination = address(IpVersion::v4),
                   .dscp = static_cast<std::uint8_t>(below(64)),
                   .ecn = static_cast<Ecn>(below(4)),
                   .identification = u16(),
                   .reserved_flag = one_in(10),
                   .dont_fragment = one_in(2),
                   .ttl = static_cast<std::uint8_t>(1 + below(255))};
  if (one_in(12)) {
    fragment_ = true;
    fields.more_fragments = one_in(2);
    fields.fragment_offset = fields.more_fragments && one_in(2)
                                 ? std::uint16_t{0}
                                 : static_cast<std::uint16_t>(8 + 8 * below(1000));
  }
  if (broken_ && one_in(3)) {
    switch (below(4)) {
      case 0: fields.total_length = u16(); break;
      case 1: fields.header_words = static_cast<std::uint8_t>(below(16)); break;
      case 2: fields.checksum = u16(); break;
      default: fields.total_length = 0; break;
    }
  }
  if (one_in(10)) {
    packet_.ip4(fields, {ip4_option::router_alert(), ip4_option::nop(), ip4_option::record_route(3)});
  } else {
    packet_.ip4(fields);
  }
}

void PacketGenerator::ip6() {
  Ip6Fields fields{.source = address(IpVersion::v6),
                   .destination = address(IpVersion::v6),
                   .dscp = static_cast<std::uint8_t>(below(64)),
                   .ecn = static_cast<Ecn>(below(4)),
                   .flow_label = static_cast<std::uint32_t>(below(1 << 20)),
                   .hop_limit = static_cast<std::uint8_t>(1 + below(255))};
  if (broken_ && one_in(4)) fields.payload_length = u16();
  packet_.ip6(fields);
  extension_headers();
}

void PacketGenerator::extension_headers() {
  if (one_in(10)) packet_.hop_by_hop({ip6_option::router_alert()});
  if (one_in(12)) packet_.destination_options({ip6_option::padn(static_cast<std::uint8_t>(2 + below(30)))});
  if (one_in(12)) {
    const IpAddress hops[] = {address(IpVersion::v6), address(IpVersion::v6)};
    packet_.routing({.type = static_cast<std::uint8_t>(one_in(2) ? 0 : 4),
                     .segments_left = static_cast<std::uint8_t>(below(3)),
                     .addresses = hops});
  }
  if (one_in(12)) {
    const bool more = one_in(2);
    const bool later = one_in(2);
    fragment_ = more || later;
    packet_.ip6_fragment(
        {.identification = u32(),
         .offset = later ? static_cast<std::uint16_t>(8 + 8 * below(1000)) : std::uint16_t{0},
         .more_fragments = more});
  }
}

void PacketGenerator::transport(IpVersion version, int depth) {
  // A fragment carries no tunnel: of its inside we say nothing, tshark all that it can.
  const std::uint64_t kinds = depth > 0 && !fragment_ ? 13 : 9;
  switch (below(kinds)) {
    case 0:
    case 1:
    case 2: return tcp();
    case 3: return udp();
    case 4: return dns();
    case 5:
      packet_.udp_lite({.source_port = port(),
                        .destination_port = port(),
                        .coverage = static_cast<std::uint16_t>(one_in(2) ? 8 : 0)});
      return filling();
    case 6: {
      packet_.sctp({.source_port = port(), .destination_port = port(), .verification_tag = u32()});
      const std::uint8_t value[] = {u8(), u8(), u8(), u8()};
      packet_.sctp_chunk(10, 0, value);  // COOKIE ECHO: any bytes will do
      return;
    }
    case 7:
    case 8: return icmp(version, depth);
    case 9:
    case 10: return gre(depth);
    case 11:
      packet_.udp({.source_port = port(), .destination_port = 4789}).vxlan({.network_identifier = u16()});
      ethernet();
      return network(depth - 1);
    default: return network(depth - 1);
  }
}

void PacketGenerator::tcp() {
  TcpFields fields{.source_port = port(),
                   .destination_port = port(),
                   .sequence = u32(),
                   .acknowledgement = u32(),
                   .flags = u8(),
                   .window = u16(),
                   .reserved = static_cast<std::uint8_t>(below(16))};
  if (broken_ && one_in(4)) fields.header_words = static_cast<std::uint8_t>(below(16));
  if (broken_ && one_in(4)) fields.checksum = u16();
  switch (below(6)) {
    case 0: packet_.tcp(fields); break;
    case 1:
      packet_.tcp(fields,
                  {tcp_option::mss(u16()), tcp_option::sack_permitted(), tcp_option::timestamps(u32(), u32()),
                   tcp_option::nop(), tcp_option::window_scale(static_cast<std::uint8_t>(below(15)))});
      break;
    case 2:
      packet_.tcp(fields, {tcp_option::nop(), tcp_option::nop(), tcp_option::timestamps(u32(), u32())});
      break;
    case 3:
      packet_.tcp(fields, {tcp_option::sack({{u32(), u32()}, {u32(), u32()}}), tcp_option::end_of_list()});
      break;
    case 4: {
      const std::uint8_t cookie[] = {u8(), u8(), u8(), u8(), u8(), u8(), u8(), u8()};
      packet_.tcp(fields,
                  {tcp_option::mss(u16()), tcp_option::fast_open(one_in(2) ? Bytes(cookie) : Bytes())});
      break;
    }
    default:
      packet_.tcp(fields, {tcp_option::mss(u16()),
                           broken_ ? tcp_option::any(8, static_cast<std::uint8_t>(below(40)), {})
                                   : tcp_option::window_scale(3)});
  }
  filling();
}

void PacketGenerator::udp() {
  UdpFields fields{.source_port = port(), .destination_port = port()};
  if (one_in(8)) fields.checksum = 0;
  if (broken_ && one_in(3)) fields.checksum = u16();
  if (broken_ && one_in(3)) fields.length = static_cast<std::uint16_t>(below(100));
  packet_.udp(fields);
  filling();
}

std::string PacketGenerator::dns_name() {
  static const char* const labels[] = {"www", "example", "org", "a-rather-long-label-of-a-name", "x1", "net"};
  std::string name = labels[below(6)];
  for (std::uint64_t more = below(4); more > 0; --more) name.append(".").append(labels[below(6)]);
  return name;
}

void PacketGenerator::dns() {
  DnsBuffer<1024> message;
  const bool response = one_in(2);
  const std::string name = dns_name();
  message.header(u16(), response ? 0x8180 : 0x0100).question(name, one_in(2) ? dns_type::a : dns_type::aaaa);
  if (response) {
    message.address(DnsBuilder::Section::answer, name, address(IpVersion::v4), u16());
    message.pointer(DnsBuilder::Section::answer, dns_name(), dns_type::cname, dns_name(), u16());
    message.address(DnsBuilder::Section::additional, dns_name(), address(IpVersion::v6), u16());
  }
  const auto bytes = message.finish();
  const std::uint16_t client = port();
  const UdpFields fields{.source_port = response ? std::uint16_t{53} : client,
                         .destination_port = response ? client : std::uint16_t{53}};
  packet_.udp(fields).payload(bytes.value_or(Bytes{}));
}

void PacketGenerator::icmp(IpVersion version, int depth) {
  const bool is_v6 = version == IpVersion::v6;
  const auto add = [&](std::uint8_t type, std::uint8_t code, std::uint32_t rest) {
    IcmpFields fields{.type = type, .code = code, .rest_of_header = rest};
    if (broken_ && one_in(3)) fields.checksum = u16();
    is_v6 ? packet_.icmp6(fields) : packet_.icmp4(fields);
  };
  if (depth == 0 || fragment_ || one_in(2)) {
    add(is_v6 ? 128 : 8, 0, u32());
    return filling();
  }
  const bool exceeded = one_in(2);
  add(is_v6 ? (exceeded ? 3 : 1) : (exceeded ? 11 : 3), static_cast<std::uint8_t>(exceeded ? 0 : below(4)),
      0);
  fragment_ = true;  // no tunnel in a quotation
  network(version, 0);
}

void PacketGenerator::gre(int depth) {
  GreFields fields{.with_checksum = one_in(3)};
  if (one_in(2)) fields.key = u32();
  if (one_in(2)) fields.sequence = u32();
  packet_.gre(fields);
  if (one_in(3)) ethernet();
  network(depth - 1);
}

// No byte that tshark could take for something.
void PacketGenerator::filling() { packet_.fill(below(4) == 0 ? 0 : below(200), 0xee); }

}  // namespace spiderling::oracle
