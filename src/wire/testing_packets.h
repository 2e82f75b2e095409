// One good packet of every kind that we decode, for tests and for the seeds of fuzz targets.
#pragma once

#include <string>
#include <vector>

#include "spiderling/dns_builder.h"
#include "wire/fragmenter.h"

namespace spiderling::testing {

struct SamplePacket {
  std::string name;
  LinkType link_type;
  std::vector<std::uint8_t> bytes;
};

namespace sample_detail {

inline IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }
inline Ip4Fields v4() {
  return {.source = ip("192.0.2.1"), .destination = ip("198.51.100.7"), .identification = 99};
}
inline Ip6Fields v6() {
  return {.source = ip("2001:db8::1"), .destination = ip("2001:db8::2"), .flow_label = 5};
}
inline UdpFields dns_query() { return {.source_port = 40000, .destination_port = 53}; }
inline UdpFields dns_reply() { return {.source_port = 53, .destination_port = 40000}; }
inline std::initializer_list<OptionBytes> syn_options() {
  static const std::initializer_list<OptionBytes> options = {
      tcp_option::mss(1460), tcp_option::sack_permitted(), tcp_option::timestamps(1, 0), tcp_option::nop(),
      tcp_option::window_scale(7)};
  return options;
}

inline std::vector<std::uint8_t> dns_response() {
  DnsBuffer<512> dns;
  const auto bytes =
      dns.header(7, dns_flag::response | dns_flag::recursion_available)
          .question("www.example.org", dns_type::a)
          .pointer(DnsBuilder::Section::answer, "www.example.org", dns_type::cname, "example.org", 60)
          .address(DnsBuilder::Section::answer, "example.org", ip("203.0.113.9"), 60)
          .pointer(DnsBuilder::Section::authority, "example.org", dns_type::ns, "ns.example.org", 60)
          .edns(1232)
          .finish();
  return {bytes->begin(), bytes->end()};
}

// Adds what was built, under its name.
class Collector {
 public:
  PacketBuilder& start() { return buffer_.clear(); }
  void add(const char* name, LinkType link_type, PacketBuilder& built) {
    const auto bytes = built.finish();
    if (bytes) samples_.push_back({name, link_type, {bytes->begin(), bytes->end()}});
  }
  std::vector<SamplePacket> take() { return std::move(samples_); }

 private:
  PacketBuffer<2048> buffer_;
  std::vector<SamplePacket> samples_;
};

inline void add_links(Collector& c) {
  const TcpFields syn{.source_port = 40000, .destination_port = 80, .flags = tcp_flag::syn};
  c.add("ethernet", LinkType::ethernet, c.start().ethernet().ip4(v4()).tcp(syn, syn_options()));
  c.add("vlan", LinkType::ethernet, c.start().ethernet().vlan({.id = 5}).ip6(v6()).tcp(syn, syn_options()));
  c.add(
      "qinq", LinkType::ethernet,
      c.start().ethernet().vlan({.id = 5, .tag_protocol = 0x88a8}).vlan({.id = 6}).ip4(v4()).udp({}).fill(9));
  c.add("mpls", LinkType::ethernet,
        c.start().ethernet().mpls({}).mpls({.label = 17}).ip4(v4()).udp({}).fill(9));
  c.add("arp", LinkType::ethernet,
        c.start()
            .ethernet()
            .arp({.sender_address = ip("10.0.0.1"), .target_address = ip("10.0.0.2")})
            .pad_to(60));
  c.add("padded", LinkType::ethernet, c.start().ethernet().ip4(v4()).udp({}).payload("hi").pad_to(60));
  c.add("cooked", LinkType::linux_cooked, c.start().linux_cooked().ip4(v4()).tcp(syn));
  c.add("cooked2", LinkType::linux_cooked_v2, c.start().linux_cooked_v2().ip6(v6()).tcp(syn));
  c.add("null4", LinkType::null, c.start().null_link().ip4(v4()).tcp(syn));
  c.add("null6", LinkType::null, c.start().null_link().ip6(v6()).tcp(syn));
  c.add("loop", LinkType::loop, c.start().loop_link().ip6(v6()).tcp(syn));
  c.add("ppp", LinkType::ppp, c.start().ppp().ip4(v4()).tcp(syn));
  c.add("ppp_hdlc", LinkType::ppp_hdlc, c.start().ppp().ip6(v6()).tcp(syn));
  c.add("raw", LinkType::raw_ip, c.start().ip4(v4()).tcp(syn));
  c.add("raw_bsd", LinkType::raw_bsd, c.start().ip6(v6()).tcp(syn));
}

inline void add_networks(Collector& c) {
  const IpAddress hops[] = {ip("2001:db8::a"), ip("2001:db8::b")};
  c.add("ip4_options", LinkType::raw_ip,
        c.start()
            .ip4(v4(), {ip4_option::record_route(3), ip4_option::router_alert()})
            .udp({})
            .payload("options"));
  c.add("ip6_extensions", LinkType::raw_ip,
        c.start()
            .ip6(v6())
            .hop_by_hop({ip6_option::router_alert()})
            .destination_options()
            .routing({.type = 4, .segments_left = 1, .addresses = hops})
            .destination_options({ip6_option::padn(6)})
            .tcp({.source_port = 1, .destination_port = 2})
            .payload("behind"));
  c.add("ip6_atomic_fragment", LinkType::raw_ip, c.start().ip6(v6()).ip6_fragment({}).udp({}).fill(5));
  c.add("ip6_first_fragment", LinkType::raw_ip,
        c.start()
            .ip6(v6())
            .ip6_fragment({.identification = 3, .more_fragments = true})
            .udp(dns_query())
            .fill(24));
  c.add("ip6_later_fragment", LinkType::raw_ip,
        c.start().ip6(v6()).ip6_fragment({.identification = 3, .offset = 32, .next_header = 17}).fill(24));
  Ip4Fields fragment = v4();
  fragment.more_fragments = true;
  c.add("ip4_first_fragment", LinkType::raw_ip, c.start().ip4(fragment).udp(dns_query()).fill(24));
  fragment.fragment_offset = 32;
  fragment.protocol = 17;
  c.add("ip4_later_fragment", LinkType::raw_ip, c.start().ip4(fragment).fill(24));
  c.add("ip6_nothing", LinkType::raw_ip, c.start().ip6(v6()));
}

inline void add_transports(Collector& c) {
  const auto response = dns_response();
  c.add("tcp_data", LinkType::raw_ip,
        c.start()
            .ip4(v4())
            .tcp({.source_port = 80, .flags = tcp_flag::ack}, {tcp_option::sack({{1, 2}, {3, 4}})})
            .fill(50));
  c.add("udp_lite", LinkType::raw_ip,
        c.start().ip4(v4()).udp_lite({.source_port = 7, .coverage = 8}).fill(5));
  c.add("sctp", LinkType::raw_ip,
        c.start()
            .ip6(v6())
            .sctp({.source_port = 7, .destination_port = 8})
            .sctp_chunk(1, 0, Bytes(response).first(16)));
  c.add("dns_udp", LinkType::raw_ip, c.start().ip4(v4()).udp(dns_reply()).payload(response));
  std::uint8_t length[2];
  store_be16(length, static_cast<std::uint16_t>(response.size()));
  c.add("dns_tcp", LinkType::raw_ip,
        c.start()
            .ip6(v6())
            .tcp({.source_port = 53, .destination_port = 4000})
            .payload(Bytes(length))
            .payload(response));
  c.add("icmp_echo", LinkType::raw_ip,
        c.start().ip4(v4()).icmp4({.type = 8, .rest_of_header = icmp_echo(1, 2)}).fill(56));
  c.add("icmp4_error", LinkType::raw_ip,
        c.start()
            .ip4(v4())
            .icmp4({.type = 3, .code = 1})
            .ip4(v4())
            .tcp({.source_port = 1, .destination_port = 2}));
  c.add("icmp6_error", LinkType::raw_ip,
        c.start().ip6(v6()).icmp6({.type = 2, .rest_of_header = 1280}).ip6(v6()).udp(dns_query()).fill(8));
}

inline void add_tunnels(Collector& c) {
  c.add("gre", LinkType::raw_ip,
        c.start().ip4(v4()).gre({.with_checksum = true, .key = 1, .sequence = 2}).ip6(v6()).udp({}).fill(4));
  c.add("gre_ethernet", LinkType::raw_ip, c.start().ip6(v6()).gre().ethernet().ip4(v4()).udp({}).fill(4));
  c.add("ip_in_ip", LinkType::raw_ip, c.start().ip4(v4()).ip4(v4()).tcp({}).fill(4));
  c.add("ip6_in_ip4", LinkType::raw_ip, c.start().ip4(v4()).ip6(v6()).tcp({}).fill(4));
  c.add("ip4_in_ip6", LinkType::raw_ip, c.start().ip6(v6()).ip4(v4()).tcp({}).fill(4));
  c.add("vxlan", LinkType::ethernet,
        c.start()
            .ethernet()
            .ip4(v4())
            .udp({.destination_port = 4789})
            .vxlan({.network_identifier = 9})
            .ethernet()
            .ip6(v6())
            .tcp({})
            .fill(4));
}

}  // namespace sample_detail

inline std::vector<SamplePacket> sample_packets() {
  sample_detail::Collector collector;
  sample_detail::add_links(collector);
  sample_detail::add_networks(collector);
  sample_detail::add_transports(collector);
  sample_detail::add_tunnels(collector);
  return collector.take();
}

}  // namespace spiderling::testing
