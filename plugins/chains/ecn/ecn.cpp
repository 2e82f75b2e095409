#include "spiderling/chain.h"

namespace spiderling {
namespace {

struct EcnChain {
  static constexpr const char* name = "ecn";
  static constexpr const char* description =
      "ECN codepoints in the IP header (RFC 3168), on SYNs and on everything else";

  struct Marks {
    bool ect0 = false;
    bool ect1 = false;
    bool ce = false;
  };
  struct State {
    PerDirection<Marks> syn;
    PerDirection<Marks> data;
  };

  static void fields(FieldList& list, const State& s) {
    list.add("ecn_ect0_syn_fwd", s.syn.fwd.ect0, "ECT(0) was seen on a TCP SYN forward");
    list.add("ecn_ect1_syn_fwd", s.syn.fwd.ect1, "ECT(1) was seen on a TCP SYN forward");
    list.add("ecn_ce_syn_fwd", s.syn.fwd.ce, "CE was seen on a TCP SYN forward");
    list.add("ecn_ect0_data_fwd", s.data.fwd.ect0, "ECT(0) was seen on another packet forward");
    list.add("ecn_ect1_data_fwd", s.data.fwd.ect1, "ECT(1) was seen on another packet forward");
    list.add("ecn_ce_data_fwd", s.data.fwd.ce, "CE was seen on another packet forward");
    list.add("ecn_ect0_syn_rev", s.syn.rev.ect0, "ECT(0) was seen on a TCP SYN in reverse");
    list.add("ecn_ect1_syn_rev", s.syn.rev.ect1, "ECT(1) was seen on a TCP SYN in reverse");
    list.add("ecn_ce_syn_rev", s.syn.rev.ce, "CE was seen on a TCP SYN in reverse");
    list.add("ecn_ect0_data_rev", s.data.rev.ect0, "ECT(0) was seen on another packet in reverse");
    list.add("ecn_ect1_data_rev", s.data.rev.ect1, "ECT(1) was seen on another packet in reverse");
    list.add("ecn_ce_data_rev", s.data.rev.ce, "CE was seen on another packet in reverse");
  }

  static void ip4(State& s, const Ipv4Header& ip, const FlowPacket& p) { note(s, ip.ecn(), p); }
  static void ip6(State& s, const Ipv6Header& ip, const FlowPacket& p) { note(s, ip.ecn(), p); }

 private:
  static void note(State& s, Ecn mark, const FlowPacket& p) {
    if (mark == Ecn::not_ect) return;
    const auto tcp = p->tcp();
    Marks& marks = (tcp && tcp->has(tcp_flag::syn) ? s.syn : s.data)[p.direction];
    switch (mark) {
      case Ecn::ect0: marks.ect0 = true; break;
      case Ecn::ect1: marks.ect1 = true; break;
      case Ecn::ce: marks.ce = true; break;
      case Ecn::not_ect: break;
    }
  }
};

}  // namespace
}  // namespace spiderling

SPIDERLING_CHAIN(spiderling::EcnChain)
