#include "spiderling/chain.h"

namespace spiderling {
namespace {

struct TcpOpt {
  static constexpr const char* name = "tcpopt";
  static constexpr const char* description = "TCP options that the other side's SYN carried";

  struct State {
    Maybe<bool> timestamps;
    Maybe<bool> window_scale;
    Maybe<bool> sack_permitted;
  };

  static void fields(FieldList& list, const State& s) {
    list.add("tcpopt_ts", s.timestamps,
             "true if a SYN in reverse had timestamps (option 8, RFC 7323), else null");
    list.add("tcpopt_ws", s.window_scale,
             "true if a SYN in reverse had window scale (option 3, RFC 7323), else null");
    list.add("tcpopt_sack", s.sack_permitted,
             "true if a SYN in reverse permitted SACK (option 4, RFC 2018), else null");
  }

  static void tcp(State& s, const TcpHeader& tcp, const FlowPacket& p) {
    if (!p.reverse() || !tcp.has(tcp_flag::syn)) return;
    for (const TcpOption& option : tcp.options()) {
      if (option.is(TcpOptionKind::timestamps)) s.timestamps = true;
      if (option.is(TcpOptionKind::window_scale)) s.window_scale = true;
      if (option.is(TcpOptionKind::sack_permitted)) s.sack_permitted = true;
    }
  }
};

}  // namespace
}  // namespace spiderling

SPIDERLING_CHAIN(spiderling::TcpOpt)
