#include "spiderling/chain.h"

namespace spiderling {
namespace {

struct Mss {
  static constexpr const char* name = "mss";
  static constexpr const char* description = "Maximum segment size option (RFC 9293, section 3.7.1) on SYNs";

  struct State {
    PerDirection<Maybe<std::uint8_t>> length;
    PerDirection<Maybe<std::uint16_t>> value;
  };

  static void fields(FieldList& list, const State& s) {
    list.add("mss_len_fwd", s.length.fwd,
             "length of the option on a SYN forward, its two header bytes included");
    list.add("mss_len_rev", s.length.rev,
             "length of the option on a SYN in reverse, its two header bytes included");
    list.add("mss_value_fwd", s.value.fwd, "its value forward, in bytes; null without the option");
    list.add("mss_value_rev", s.value.rev, "its value in reverse, in bytes; null without the option");
  }

  static void tcp(State& s, const TcpHeader& tcp, const FlowPacket& p) {
    if (!tcp.has(tcp_flag::syn)) return;
    const auto option = tcp.options().find(TcpOptionKind::maximum_segment_size);
    if (!option) return;
    s.length[p.direction] = option->length;
    if (option->data.size() == 2) s.value[p.direction] = load_be16(option->data.data());
  }
};

}  // namespace
}  // namespace spiderling

SPIDERLING_CHAIN(spiderling::Mss)
