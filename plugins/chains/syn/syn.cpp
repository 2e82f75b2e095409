#include "spiderling/chain.h"

namespace spiderling {
namespace {

struct Syn {
  static constexpr const char* name = "syn";
  static constexpr const char* description =
      "How often a TCP SYN was sent, and whether it gave up asking for ECN";

  struct State {
    PerDirection<std::uint32_t> count;
    PerDirection<bool> ecn_asked;
    PerDirection<bool> ecn_retreat;
  };

  static void fields(FieldList& list, const State& s) {
    list.add("syn_count_fwd", s.count.fwd, "SYNs sent forward, those sent again too");
    list.add("syn_count_rev", s.count.rev, "SYNs sent in reverse, those sent again too");
    list.add("syn_ecn_retreat_fwd", s.ecn_retreat.fwd, "a SYN forward asked for ECN and a later one did not");
    list.add("syn_ecn_retreat_rev", s.ecn_retreat.rev,
             "a SYN in reverse granted ECN and a later one did not");
  }

  static void tcp(State& s, const TcpHeader& tcp, const FlowPacket& p) {
    if (!tcp.has(tcp_flag::syn)) return;
    ++s.count[p.direction];
    // A SYN asks with ECE and CWR, a SYN+ACK grants with ECE: RFC 3168, section 6.1.1.
    if (tcp.has(tcp_flag::ece)) {
      s.ecn_asked[p.direction] = true;
    } else if (s.ecn_asked[p.direction]) {
      s.ecn_retreat[p.direction] = true;
    }
  }
};

}  // namespace
}  // namespace spiderling

SPIDERLING_CHAIN(spiderling::Syn)
