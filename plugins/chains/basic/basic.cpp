#include "spiderling/chain.h"

namespace spiderling {
namespace {

struct Basic {
  static constexpr const char* name = "basic";
  static constexpr const char* description = "Addresses, ports, and what was sent each way";

  struct State {
    PerDirection<std::uint64_t> packets;
    PerDirection<std::uint64_t> octets;
    IpAddress source;
    IpAddress destination;
    Maybe<std::uint16_t> source_port;
    Maybe<std::uint16_t> destination_port;
    std::uint8_t protocol = 0;
  };

  static void fields(FieldList& list, const State& s) {
    list.add("sip", s.source, "source address of the first packet");
    list.add("dip", s.destination, "destination address of the first packet");
    list.add("proto", s.protocol, "IP protocol number of the first packet");
    list.add("sp", s.source_port, "source port of the first packet; null without TCP or UDP");
    list.add("dp", s.destination_port, "destination port of the first packet; null without TCP or UDP");
    list.add("pkt_fwd", s.packets.fwd, "packets forward");
    list.add("pkt_rev", s.packets.rev, "packets reverse");
    list.add("oct_fwd", s.octets.fwd, "octets of IP datagrams forward, headers included");
    list.add("oct_rev", s.octets.rev, "octets of IP datagrams reverse, headers included");
  }

  static void new_flow(State& s, const FlowPacket& p) {
    s.source = p->source();
    s.destination = p->destination();
    s.protocol = p->protocol();
    if (p->has_ports() && (p->is(IpProtocol::tcp) || p->is(IpProtocol::udp))) {
      s.source_port = p->source_port();
      s.destination_port = p->destination_port();
    }
  }
  static void ip4(State& s, const Ipv4Header&, const FlowPacket& p) { count(s, p); }
  static void ip6(State& s, const Ipv6Header&, const FlowPacket& p) { count(s, p); }

 private:
  static void count(State& s, const FlowPacket& p) {
    ++s.packets[p.direction];
    s.octets[p.direction] += p->ip_length();
  }
};

}  // namespace
}  // namespace spiderling

SPIDERLING_CHAIN(spiderling::Basic)
