#include "spiderling/chain.h"

namespace spiderling {
namespace {

struct Evil {
  static constexpr const char* name = "evil";
  static constexpr const char* description = "The reserved flag of the IPv4 header (RFC 791; RFC 3514)";

  struct State {
    PerDirection<Maybe<bool>> syn;
    PerDirection<Maybe<bool>> data;
  };

  static void fields(FieldList& list, const State& s) {
    list.add("evilbit_syn_fwd", s.syn.fwd, "set on the first TCP SYN forward; null without one, and in IPv6");
    list.add("evilbit_syn_rev", s.syn.rev,
             "set on the first TCP SYN in reverse; null without one, and in IPv6");
    list.add("evilbit_data_fwd", s.data.fwd, "set on the first packet forward with TCP payload or not TCP");
    list.add("evilbit_data_rev", s.data.rev,
             "set on the first packet in reverse with TCP payload or not TCP");
  }

  static void ip4(State& s, const Ipv4Header& ip, const FlowPacket& p) {
    if (const auto tcp = p->tcp(); tcp && tcp->has(tcp_flag::syn)) {
      s.syn[p.direction].first(ip.reserved_flag());
    } else if (!p->is(IpProtocol::tcp) || p->payload_length() > 0) {
      s.data[p.direction].first(ip.reserved_flag());
    }
  }
};

}  // namespace
}  // namespace spiderling

SPIDERLING_CHAIN(spiderling::Evil)
