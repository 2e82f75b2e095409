#include "spiderling/chain.h"

namespace spiderling {
namespace {

struct Icmp {
  static constexpr const char* name = "icmp";
  static constexpr const char* description =
      "Destination unreachable messages about the flow (RFC 792, RFC 4443)";

  struct State {
    bool unreachable = false;
  };

  static void fields(FieldList& list, const State& s) {
    list.add("icmp_unreachable", s.unreachable,
             "a destination unreachable message about a forward packet was seen");
  }

  static Verdict icmp4(State& s, const IcmpMessage& icmp, const FlowPacket& p) {
    return note(s, icmp.header.type() == icmp4_type::destination_unreachable, p);
  }
  static Verdict icmp6(State& s, const IcmpMessage& icmp, const FlowPacket& p) {
    return note(s, icmp.header.type() == icmp6_type::destination_unreachable, p);
  }

 private:
  static Verdict note(State& s, bool unreachable, const FlowPacket& p) {
    if (!unreachable || p.forward()) return Verdict::go_on;
    s.unreachable = true;
    return Verdict::complete;
  }
};

}  // namespace
}  // namespace spiderling

SPIDERLING_CHAIN(spiderling::Icmp)
