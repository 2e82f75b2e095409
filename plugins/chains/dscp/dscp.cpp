#include "spiderling/chain.h"

namespace spiderling {
namespace {

struct Dscp {
  static constexpr const char* name = "dscp";
  static constexpr const char* description =
      "Differentiated services codepoints (RFC 2474) of the first SYN and the first data each way";

  struct State {
    PerDirection<Maybe<std::uint8_t>> syn;
    PerDirection<Maybe<std::uint8_t>> data;
  };

  static void fields(FieldList& list, const State& s) {
    list.add("dscp_mark_syn_fwd", s.syn.fwd, "0 to 63, of the first TCP SYN forward; null if there was none");
    list.add("dscp_mark_syn_rev", s.syn.rev,
             "0 to 63, of the first TCP SYN in reverse; null if there was none");
    list.add("dscp_mark_data_fwd", s.data.fwd,
             "0 to 63, of the first packet forward with TCP payload or not TCP");
    list.add("dscp_mark_data_rev", s.data.rev,
             "0 to 63, of the first packet in reverse with TCP payload or not TCP");
  }

  static void ip4(State& s, const Ipv4Header& ip, const FlowPacket& p) { note(s, ip.dscp(), p); }
  static void ip6(State& s, const Ipv6Header& ip, const FlowPacket& p) { note(s, ip.dscp(), p); }

 private:
  static void note(State& s, std::uint8_t mark, const FlowPacket& p) {
    if (const auto tcp = p->tcp(); tcp && tcp->has(tcp_flag::syn)) {
      s.syn[p.direction].first(mark);
    } else if (!p->is(IpProtocol::tcp) || p->payload_length() > 0) {
      s.data[p.direction].first(mark);
    }
  }
};

}  // namespace
}  // namespace spiderling

SPIDERLING_CHAIN(spiderling::Dscp)
