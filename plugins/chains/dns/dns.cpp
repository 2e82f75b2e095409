#include "spiderling/chain.h"

namespace spiderling {
namespace {

struct Dns {
  static constexpr const char* name = "dns";
  static constexpr const char* description =
      "Whether the flow was answered by a DNS response (RFC 1035), on any port";

  struct State {
    bool response_valid = false;
  };

  static void fields(FieldList& list, const State& s) {
    list.add("dns_response_valid", s.response_valid,
             "a payload in reverse was a whole, well-formed DNS response");
  }

  static Verdict udp(State& s, const UdpHeader&, const FlowPacket& p) { return note(s, p->payload(), p); }

  static Verdict tcp(State& s, const TcpHeader&, const FlowPacket& p) {
    const Bytes segment = p->payload();  // RFC 1035, section 4.2.2: a two-byte length goes before the message
    if (segment.size() < 2 || load_be16(segment.data()) > segment.size() - 2) return Verdict::go_on;
    return note(s, segment.subspan(2, load_be16(segment.data())), p);
  }

 private:
  static Verdict note(State& s, Bytes message, const FlowPacket& p) {
    if (p.forward()) return Verdict::go_on;
    const auto dns = DnsMessage::at(message);
    if (!dns || !dns->is_response() || !dns->well_formed()) return Verdict::go_on;
    s.response_valid = true;
    return Verdict::complete;
  }
};

}  // namespace
}  // namespace spiderling

SPIDERLING_CHAIN(spiderling::Dns)
