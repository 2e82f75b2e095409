#include <algorithm>
#include <chrono>
#include <cstdint>

#include "spiderling/chain.h"

namespace spiderling {
namespace {

struct Syn {
  static constexpr const char* name = "syn";
  static constexpr const char* description =
      "How often a TCP SYN was sent, with which options, and whether it gave up asking for something";

  // Those that a sender may leave out, as bits.
  enum Options : std::uint8_t { timestamps = 1, window_scale = 2, sack_permitted = 4, fast_open = 8 };

  struct State {
    PerDirection<std::uint32_t> count;
    PerDirection<bool> ecn_asked;
    PerDirection<bool> ecn_retreat;
    Maybe<bool> timestamps_sent;
    Maybe<bool> window_scale_sent;
    Maybe<bool> sack_permitted_sent;
    Maybe<bool> fast_open_sent;
    bool options_changed = false;
    std::uint8_t first_options = 0;
    Maybe<std::uint32_t> answered_after;
    Timestamp first_sent{};
  };

  static void fields(FieldList& list, const State& s) {
    list.add("syn_count_fwd", s.count.fwd, "SYNs sent forward, those sent again too");
    list.add("syn_count_rev", s.count.rev, "SYNs sent in reverse, those sent again too");
    list.add("syn_ecn_retreat_fwd", s.ecn_retreat.fwd, "a SYN forward asked for ECN and a later one did not");
    list.add("syn_ecn_retreat_rev", s.ecn_retreat.rev,
             "a SYN in reverse granted ECN and a later one did not");
    list.add("syn_ts_fwd", s.timestamps_sent, "whether the first SYN forward had timestamps (option 8)");
    list.add("syn_ws_fwd", s.window_scale_sent, "whether the first SYN forward had window scale (option 3)");
    list.add("syn_sack_fwd", s.sack_permitted_sent,
             "whether the first SYN forward permitted SACK (option 4)");
    list.add("syn_tfo_fwd", s.fast_open_sent,
             "whether the first SYN forward had Fast Open (option 34, or 254 or 255)");
    list.add("syn_options_changed_fwd", s.options_changed,
             "a later SYN forward had others of these four than the first");
    list.add("syn_answer_us", s.answered_after,
             "microseconds from the first SYN forward to the first in reverse; at most 4294967295");
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
    if (!p.reverse()) see_options(s, options_of(tcp));
    see_time(s, p);
  }

 private:
  static std::uint8_t options_of(const TcpHeader& tcp) {
    std::uint8_t found = 0;
    for (const TcpOption& option : tcp.options()) {
      if (option.is(TcpOptionKind::timestamps)) found |= timestamps;
      if (option.is(TcpOptionKind::window_scale)) found |= window_scale;
      if (option.is(TcpOptionKind::sack_permitted)) found |= sack_permitted;
      if (is_fast_open(option)) found |= fast_open;
    }
    return found;
  }

  static void see_time(State& s, const FlowPacket& p) {
    const Timestamp time = p->time();
    if (!p.reverse()) {
      if (s.count.fwd == 1) s.first_sent = time;
      return;
    }
    if (s.answered_after.seen || s.count.fwd == 0) return;
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(time - s.first_sent).count();
    s.answered_after = static_cast<std::uint32_t>(std::clamp<std::int64_t>(us, 0, UINT32_MAX));
  }

  // RFC 7413; before it had a number of its own, an experiment (RFC 6994) with this identifier.
  static bool is_fast_open(const TcpOption& option) {
    constexpr std::uint16_t experiment_id = 0xf989;
    if (option.is(TcpOptionKind::fast_open)) return true;
    if (!option.is(TcpOptionKind::experiment_2) && option.kind != 255) return false;
    return option.data.size() >= 2 && load_be16(option.data.data()) == experiment_id;
  }

  static void see_options(State& s, std::uint8_t found) {
    if (s.timestamps_sent.seen) {
      s.options_changed = s.options_changed || found != s.first_options;
      return;
    }
    s.first_options = found;
    s.timestamps_sent = (found & timestamps) != 0;
    s.window_scale_sent = (found & window_scale) != 0;
    s.sack_permitted_sent = (found & sack_permitted) != 0;
    s.fast_open_sent = (found & fast_open) != 0;
  }
};

}  // namespace
}  // namespace spiderling

SPIDERLING_CHAIN(spiderling::Syn)
