// The chain new_plugin: how many hops packets may still go, of the first one each way.
#include <spiderling/chain.h>

using namespace spiderling;

namespace {

struct NewPluginChain {
  static constexpr const char* name = "new_plugin";
  static constexpr const char* description = "Time to live of the first packet each way";
  static constexpr const char* version = "0.1.0";

  // What is kept of each flow while it lasts.
  struct State {
    PerDirection<Maybe<std::uint8_t>> ttl;
  };

  // What of it is in the flow record: a name, a member, what it means.
  static void fields(FieldList& list, const State& s) {
    list.add("new_plugin_ttl_fwd", s.ttl.fwd, "of the first forward packet; null if there was none");
    list.add("new_plugin_ttl_rev", s.ttl.rev, "of the first reverse packet; null if there was none");
  }

  // The hooks: for each packet of the flow with such a header.
  static void ip4(State& s, const Ipv4Header& ip, const FlowPacket& p) { s.ttl[p.direction].first(ip.ttl()); }
  static void ip6(State& s, const Ipv6Header& ip, const FlowPacket& p) {
    s.ttl[p.direction].first(ip.hop_limit());
  }
};

}  // namespace

SPIDERLING_CHAIN(NewPluginChain)
