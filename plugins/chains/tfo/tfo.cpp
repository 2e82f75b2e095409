#include "spiderling/chain.h"

namespace spiderling {
namespace {

struct Tfo {
  static constexpr const char* name = "tfo";
  static constexpr const char* description = "TCP Fast Open (RFC 7413): cookies, and data on the SYN";

  struct State {
    std::uint8_t syn_kind = 0;
    std::uint8_t ack_kind = 0;
    std::uint8_t syn_cookie_length = 0;
    std::uint8_t ack_cookie_length = 0;
    std::uint32_t sequence = 0;
    std::uint32_t data_length = 0;
    std::uint32_t acknowledgement = 0;
  };

  static void fields(FieldList& list, const State& s) {
    list.add("tfo_synkind", s.syn_kind,
             "kind of the option on the SYN: 34, or 254 or 255 (experiment); 0 without one");
    list.add("tfo_ackkind", s.ack_kind, "kind of the option on the SYN+ACK; 0 without one");
    list.add("tfo_synclen", s.syn_cookie_length, "cookie length on the SYN, in bytes; 0 asks for a cookie");
    list.add("tfo_ackclen", s.ack_cookie_length, "cookie length on the SYN+ACK, in bytes");
    list.add("tfo_seq", s.sequence, "sequence number of a SYN with the option");
    list.add("tfo_dlen", s.data_length, "bytes of payload on a SYN with the option");
    list.add("tfo_ack", s.acknowledgement,
             "acknowledgement number of the SYN+ACK, if the SYN had the option");
  }

  static void tcp(State& s, const TcpHeader& tcp, const FlowPacket& p) {
    if (!tcp.has(tcp_flag::syn)) return;
    const bool is_answer = tcp.has(tcp_flag::ack);
    if (const auto cookie = find_cookie(tcp)) {
      (is_answer ? s.ack_kind : s.syn_kind) = cookie->kind;
      (is_answer ? s.ack_cookie_length : s.syn_cookie_length) = cookie->length;
      if (!is_answer) {
        s.sequence = tcp.sequence();
        s.data_length = p->payload_length();
      }
    }
    if (is_answer && s.syn_kind != 0) s.acknowledgement = tcp.acknowledgement();
  }

 private:
  struct Cookie {
    std::uint8_t kind;
    std::uint8_t length;
  };
  // RFC 7413, section 4.1.1; before it had a number of its own, an experiment (RFC 6994) with this
  // identifier.
  static std::optional<Cookie> find_cookie(const TcpHeader& tcp) {
    constexpr std::uint16_t experiment_id = 0xf989;
    for (const TcpOption& option : tcp.options()) {
      const auto size = static_cast<std::uint8_t>(option.data.size());
      if (option.is(TcpOptionKind::fast_open)) return Cookie{option.kind, size};
      const bool experiment = option.is(TcpOptionKind::experiment_2) || option.kind == 255;
      if (experiment && size >= 2 && load_be16(option.data.data()) == experiment_id) {
        return Cookie{option.kind, static_cast<std::uint8_t>(size - 2)};
      }
    }
    return std::nullopt;
  }
};

}  // namespace
}  // namespace spiderling

SPIDERLING_CHAIN(spiderling::Tfo)
