#include "spiderling/chain.h"

namespace spiderling {
namespace {

struct Tcp {
  static constexpr const char* name = "tcp";
  static constexpr const char* description = "TCP handshake and end of the connection (RFC 9293)";

  struct State {
    PerDirection<Maybe<std::uint8_t>> syn_flags;
    PerDirection<bool> fin;
    PerDirection<bool> rst;
    bool connected = false;
  };

  static void fields(FieldList& list, const State& s) {
    list.add("tcp_synflags_fwd", s.syn_flags.fwd,
             "flags byte of the first SYN forward; null if there was none");
    list.add("tcp_synflags_rev", s.syn_flags.rev,
             "flags byte of the first SYN reverse; null if there was none");
    list.add("tcp_fin_fwd", s.fin.fwd, "a FIN was sent forward");
    list.add("tcp_fin_rev", s.fin.rev, "a FIN was sent in reverse");
    list.add("tcp_rst_fwd", s.rst.fwd, "a RST was sent forward");
    list.add("tcp_rst_rev", s.rst.rev, "a RST was sent in reverse");
    list.add("tcp_connected", s.connected, "the handshake was seen whole: SYN, SYN+ACK in reverse, ACK");
  }

  static Verdict tcp(State& s, const TcpHeader& tcp, const FlowPacket& p) {
    if (tcp.has(tcp_flag::syn)) {
      s.syn_flags[p.direction].first(tcp.flags());
    } else if (p.forward() && tcp.has(tcp_flag::ack) && handshake_is_waiting_for_ack(s)) {
      s.connected = true;
    }
    if (tcp.has(tcp_flag::fin)) s.fin[p.direction] = true;
    if (tcp.has(tcp_flag::rst)) s.rst[p.direction] = true;
    const bool ended = (s.fin.fwd && s.fin.rev) || s.rst.fwd || s.rst.rev;
    return ended ? Verdict::complete : Verdict::go_on;
  }

 private:
  static bool handshake_is_waiting_for_ack(const State& s) {
    return s.syn_flags.fwd.seen && s.syn_flags.rev.seen && (s.syn_flags.rev.value & tcp_flag::ack) != 0;
  }
};

}  // namespace
}  // namespace spiderling

SPIDERLING_CHAIN(spiderling::Tcp)
