// Writes packets of every kind as pcap files, and what our dissector says of them as tables with tshark's
// field names for columns. compare.py lets tshark say the same.
//
//     oracle_packets DIRECTORY PACKETS_A_LINK_TYPE SEED
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>

#include "packet_generator.h"
#include "wire/checksum.h"
#include "wire/dissect.h"

namespace spiderling::oracle {
namespace {

// A packet in tshark's words: each field with one value a layer, outermost first; "?" where it is not for us
// to say.
class Description {
 public:
  explicit Description(const Packet& packet) {
    if (const auto arp = packet.arp()) {
      add("arp.opcode", arp->operation());
      add("arp.src.proto_ipv4", arp->sender_address().to_string());
      add("arp.dst.proto_ipv4", arp->target_address().to_string());
      add("arp.src.hw_mac", arp->sender_hardware().to_string());
    }
    layers(packet, 4, {});
  }
  const std::string& operator[](const std::string& field) { return fields_[field]; }
  /// A header is cut or impossible: we have it whole or not at all, tshark shows the fields that are there.
  bool broken() const { return broken_; }

 private:
  void add(const char* field, const std::string& value) {
    std::string& all = fields_[field];
    if (!all.empty()) all.push_back('|');
    all.append(value);
  }
  void add(const char* field, std::uint64_t value) { add(field, std::to_string(value)); }

  // What tshark shows and what not depends on where a layer stands.
  struct Place {
    bool quoted = false;
    bool overstated = false;  // this datagram or one around it states more than there is on the wire
  };

  void layers(const Packet& packet, int depth, Place place) {
    const auto before = static_cast<std::size_t>(packet.network().data() - packet.data().data());
    if (before + packet.ip_length() > packet.wire_length()) place.overstated = true;
    if (packet.defect() != Defect::none && packet.defect() != Defect::bad_option) broken_ = true;
    vlan(packet);
    if (const auto ip = packet.ip4()) ip4(packet, *ip);
    if (const auto ip = packet.ip6()) ip6(packet, *ip);
    transport(packet, place);
    if (depth == 0) return;
    const auto inner = packet.inner();
    const auto quotation = packet.quotation();
    if (inner) layers(*inner, depth - 1, place);
    if (quotation) layers(*quotation, depth - 1, {true, place.overstated});
    if (!inner && !quotation && carries_a_packet(packet)) broken_ = true;
  }

  static bool carries_a_packet(const Packet& packet) {
    const bool is_error = packet.icmp() && packet.icmp()->is_error();
    return is_error || packet.is(IpProtocol::gre) || packet.is(IpProtocol::ipip) ||
           packet.is(IpProtocol::ipv6) || (packet.udp() && packet.destination_port() == 4789);
  }

  // Two tags are an 802.1ad one and, of which we say nothing, an 802.1Q one.
  void vlan(const Packet& packet) {
    if (packet.vlan_count() == 0) return;
    const std::string id = std::to_string(packet.vlan()->id());
    const auto ethernet = packet.ethernet();
    const bool is_8021ad = ethernet && ethernet->type() == static_cast<std::uint16_t>(EtherType::qinq);
    if (is_8021ad) add("ieee8021ad.id", id);
    if (!is_8021ad || packet.vlan_count() == 2) add("vlan.id", is_8021ad ? "?" : id);
  }

  void ip4(const Packet& packet, const Ipv4Header& ip) {
    add("ip.src", ip.source().to_string());
    add("ip.dst", ip.destination().to_string());
    add("ip.dsfield.dscp", ip.dscp());
    add("ip.dsfield.ecn", static_cast<std::uint64_t>(ip.ecn()));
    add("ip.ttl", ip.ttl());
    add("ip.proto", ip.protocol());
    add("ip.flags.rb", ip.reserved_flag() ? 1 : 0);
    add("ip.flags.df", ip.dont_fragment() ? 1 : 0);
    add("ip.flags.mf", ip.more_fragments() ? 1 : 0);
    add("ip.frag_offset", ip.fragment_offset());
    add("ip.checksum.status", verify_network_checksum(packet) == ChecksumState::good ? 1 : 0);
  }

  void ip6(const Packet& packet, const Ipv6Header& ip) {
    add("ipv6.src", ip.source().to_string());
    add("ipv6.dst", ip.destination().to_string());
    add("ipv6.tclass.dscp", ip.dscp());
    add("ipv6.tclass.ecn", static_cast<std::uint64_t>(ip.ecn()));
    add("ipv6.hlim", ip.hop_limit());
    add("ipv6.plen", ip.payload_length());
    if (const auto fragment = packet.fragment()) add("ipv6.fraghdr.offset", fragment->offset);
  }

  void transport(const Packet& packet, Place place) {
    if (packet.is_later_fragment()) return;
    if (const auto tcp = packet.tcp()) describe(packet, *tcp, place);
    if (packet.udp() || is_udplite(packet)) {
      add("udp.srcport", packet.source_port());
      add("udp.dstport", packet.destination_port());
      if (const auto state = udp_status(packet, place)) add("udp.checksum.status", *state);
    }
    if (const auto sctp = packet.sctp()) {
      add("sctp.srcport", sctp->source_port());
      add("sctp.dstport", sctp->destination_port());
      add("sctp.checksum.status", status(packet, place));
    }
    if (const auto icmp = packet.icmp()) {
      const bool is_v6 = packet.ip_version() == IpVersion::v6;
      add(is_v6 ? "icmpv6.type" : "icmp.type", icmp->type());
      add(is_v6 ? "icmpv6.code" : "icmp.code", icmp->code());
      add(is_v6 ? "icmpv6.checksum.status" : "icmp.checksum.status", status(packet, place));
    }
    if (const auto dns = packet.dns()) describe(*dns);
  }

  void describe(const Packet& packet, const TcpHeader& tcp, Place place) {
    add("tcp.srcport", tcp.source_port());
    add("tcp.dstport", tcp.destination_port());
    add("tcp.seq", tcp.sequence());
    // tshark says none of a fragment, of what is quoted, and of a header longer than the segment.
    const bool has_length =
        !packet.is_fragment() && !place.quoted && tcp.header_length() <= packet.transport().bytes.size();
    if (tcp.header_length() < TcpHeader::min_size) {
      if (has_length) add("tcp.len", "?");
      return;  // as tshark does
    }
    add("tcp.ack_raw", tcp.acknowledgement());
    char flags[8];
    std::snprintf(flags, sizeof flags, "0x%04x", unsigned{tcp.reserved()} << 8 | tcp.flags());
    add("tcp.flags", flags);
    add("tcp.window_size_value", tcp.window());
    // Of a datagram that states more than there is tshark takes the length that there is.
    if (has_length && packet.defect() != Defect::bad_transport) {
      add("tcp.len", place.overstated ? "?" : std::to_string(packet.payload_length()));
    }
    for (const TcpOption& option : tcp.options()) describe(option);
    add("tcp.checksum.status", status(packet, place));
  }

  void describe(const TcpOption& option) {
    add("tcp.option_kind", option.kind);
    if (option.is(TcpOptionKind::maximum_segment_size) && option.length == 4) {
      add("tcp.options.mss_val", load_be16(option.data.data()));
    }
    if (option.is(TcpOptionKind::window_scale) && option.length == 3)
      add("tcp.options.wscale.shift", option.data[0]);
    if (option.is(TcpOptionKind::timestamps) && option.length == 10) {
      add("tcp.options.timestamp.tsval", load_be32(option.data.data()));
      add("tcp.options.timestamp.tsecr", load_be32(option.data.data() + 4));
    }
    if (option.is(TcpOptionKind::sack)) {
      for (std::size_t i = 0; i + 8 <= option.data.size(); i += 8) {
        add("tcp.options.sack_le", load_be32(option.data.data() + i));
        add("tcp.options.sack_re", load_be32(option.data.data() + i + 4));
      }
    }
  }

  void describe(const DnsMessage& dns) {
    add("dns.id", dns.id());
    for (const DnsQuestion& question : dns.questions()) {
      add("dns.qry.name", question.name());
      add("dns.qry.type", question.type());
    }
    const auto record = [&](const DnsRecord& r) {
      add("dns.resp.name", r.name());
      add("dns.resp.ttl", r.ttl());
      if (const auto address = r.address()) {
        add(address->version == IpVersion::v4 ? "dns.a" : "dns.aaaa", address->to_string());
      }
      if (const auto target = r.target()) add("dns.cname", target->text());
    };
    for (const DnsRecord& r : dns.answers()) record(r);
    for (const DnsRecord& r : dns.additionals()) record(r);
  }

  static bool is_udplite(const Packet& packet) {
    return packet.is(IpProtocol::udplite) && packet.transport().bytes.size() >= UdpHeader::size;
  }

  // tshark does not come to the checksum of UDP with an impossible length, and calls UDP-Lite with an
  // impossible coverage unverified, where we call it bad.
  static std::optional<std::string> udp_status(const Packet& packet, Place place) {
    const std::size_t stated = load_be16(packet.transport().bytes.data() + 4);
    const std::size_t there = packet.payload_length() + UdpHeader::size;
    const bool possible = stated >= UdpHeader::size && stated <= there;
    if (is_udplite(packet)) return possible || stated == 0 ? status(packet, place) : "?";
    if (stated < UdpHeader::size) return std::nullopt;
    return possible ? status(packet, place) : "?";
  }

  // tshark's numbers: 0 bad, 1 good, 2 unverified, 3 not present. Left to it: a quotation, which it verifies
  // or not by protocol, and a datagram that states more than there is, of which it sums up what there is.
  static std::string status(const Packet& packet, Place place) {
    if (place.quoted || place.overstated || packet.is_fragment()) return "?";
    switch (verify_transport_checksum(packet)) {
      case ChecksumState::bad: return "0";
      case ChecksumState::good: return "1";
      case ChecksumState::unknown: return "2";
      case ChecksumState::absent: return "3";
    }
    return "?";
  }

  std::map<std::string, std::string> fields_;
  bool broken_ = false;
};

const char* const columns[] = {"ieee8021ad.id",
                               "vlan.id",
                               "arp.opcode",
                               "arp.src.proto_ipv4",
                               "arp.dst.proto_ipv4",
                               "arp.src.hw_mac",
                               "ip.src",
                               "ip.dst",
                               "ip.dsfield.dscp",
                               "ip.dsfield.ecn",
                               "ip.ttl",
                               "ip.proto",
                               "ip.flags.rb",
                               "ip.flags.df",
                               "ip.flags.mf",
                               "ip.frag_offset",
                               "ip.checksum.status",
                               "ipv6.src",
                               "ipv6.dst",
                               "ipv6.tclass.dscp",
                               "ipv6.tclass.ecn",
                               "ipv6.hlim",
                               "ipv6.plen",
                               "ipv6.fraghdr.offset",
                               "tcp.srcport",
                               "tcp.dstport",
                               "tcp.seq",
                               "tcp.ack_raw",
                               "tcp.flags",
                               "tcp.window_size_value",
                               "tcp.len",
                               "tcp.option_kind",
                               "tcp.options.mss_val",
                               "tcp.options.wscale.shift",
                               "tcp.options.timestamp.tsval",
                               "tcp.options.timestamp.tsecr",
                               "tcp.options.sack_le",
                               "tcp.options.sack_re",
                               "tcp.checksum.status",
                               "udp.srcport",
                               "udp.dstport",
                               "udp.checksum.status",
                               "sctp.srcport",
                               "sctp.dstport",
                               "sctp.checksum.status",
                               "icmp.type",
                               "icmp.code",
                               "icmp.checksum.status",
                               "icmpv6.type",
                               "icmpv6.code",
                               "icmpv6.checksum.status",
                               "dns.id",
                               "dns.qry.name",
                               "dns.qry.type",
                               "dns.resp.name",
                               "dns.resp.ttl",
                               "dns.a",
                               "dns.aaaa",
                               "dns.cname"};

class PcapFile {
 public:
  PcapFile(const std::string& path, LinkType link_type) : out_(path, std::ios::binary) {
    put(0xa1b2c3d4);
    put(2u | 4u << 16);
    put(0);
    put(0);
    put(65535);
    put(static_cast<std::uint32_t>(link_type));
  }
  void add(const PacketGenerator::Generated& packet) {
    put(1700000000);
    put(++count_);
    put(static_cast<std::uint32_t>(packet.bytes.size()));
    put(packet.wire_length);
    out_.write(reinterpret_cast<const char*>(packet.bytes.data()),
               static_cast<std::streamsize>(packet.bytes.size()));
  }

 private:
  void put(std::uint32_t value) { out_.write(reinterpret_cast<const char*>(&value), sizeof value); }
  std::ofstream out_;
  std::uint32_t count_ = 0;
};

void write_files(const std::string& stem, LinkType link_type, std::uint64_t count, std::uint64_t seed) {
  PcapFile pcap(stem + ".pcap", link_type);
  std::ofstream table(stem + ".tsv");
  table << "broken";
  for (const char* column : columns) table << '\t' << column;
  table << '\n';
  PacketGenerator generator(seed + static_cast<std::uint64_t>(link_type));
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto generated = generator.next(link_type);
    pcap.add(generated);
    Packet packet;
    Dissector::dissect(packet, generated.bytes, generated.wire_length, 0, link_type);
    Description description(packet);
    table << (description.broken() || generated.bytes.size() < generated.wire_length ? 1 : 0);
    for (const char* column : columns) table << '\t' << description[column];
    table << '\n';
  }
}

}  // namespace
}  // namespace spiderling::oracle

int main(int argc, char** argv) {
  using namespace spiderling;
  if (argc != 4) {
    std::cerr << "usage: oracle_packets DIRECTORY PACKETS_A_LINK_TYPE SEED\n";
    return 2;
  }
  const std::string directory = std::string(argv[1]) + "/";
  const std::uint64_t count = std::strtoull(argv[2], nullptr, 10);
  const std::uint64_t seed = std::strtoull(argv[3], nullptr, 10);
  oracle::write_files(directory + "ethernet", LinkType::ethernet, count, seed);
  for (const auto& [name, type] : {std::pair{"raw", LinkType::raw_ip},
                                   {"cooked", LinkType::linux_cooked},
                                   {"cooked2", LinkType::linux_cooked_v2},
                                   {"null", LinkType::null},
                                   {"loop", LinkType::loop},
                                   {"ppp", LinkType::ppp}}) {
    oracle::write_files(directory + name, type, count / 4, seed);
  }
  return 0;
}
