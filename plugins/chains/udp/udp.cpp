#include "spiderling/chain.h"

namespace spiderling {
namespace {

struct Udp {
  static constexpr const char* name = "udp";
  static constexpr const char* description = "UDP datagrams without a checksum (RFC 768; in IPv6, RFC 6935)";

  struct State {
    PerDirection<Maybe<bool>> zero_checksum;
  };

  static void fields(FieldList& list, const State& s) {
    list.add("udp_zero_checksum_fwd", s.zero_checksum.fwd,
             "the last datagram forward had checksum zero; null without a datagram");
    list.add("udp_zero_checksum_rev", s.zero_checksum.rev,
             "the last datagram in reverse had checksum zero; null without a datagram");
  }

  static void udp(State& s, const UdpHeader& udp, const FlowPacket& p) {
    s.zero_checksum[p.direction] = udp.checksum() == 0;
  }
};

}  // namespace
}  // namespace spiderling

SPIDERLING_CHAIN(spiderling::Udp)
