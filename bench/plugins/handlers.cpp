// The same handlers twice: linked into plugin_bench, and in a shared object that it loads. PLACE is what
// tells them apart: built_in or loaded.
#include <spiderling/chain.h>
#include <spiderling/chef.h>

#define TEXT2(word) #word
#define TEXT(word) TEXT2(word)

namespace {

using namespace spiderling;

// What a chain of a user's usually does: a few comparisons and a number kept, for every packet.
struct Windows {
  static constexpr const char* name = "windows_" TEXT(PLACE);
  static constexpr const char* description =
      "Smallest and largest TCP window each way, smallest time to live";
  struct State {
    PerDirection<std::uint16_t> largest;
    Maybe<std::uint8_t> ttl;
  };
  static void fields(FieldList& list, const State& s) {
    list.add("window_" TEXT(PLACE) "_fwd", s.largest.fwd, "largest window, forward");
    list.add("window_" TEXT(PLACE) "_rev", s.largest.rev, "largest window, reverse");
    list.add("ttl_" TEXT(PLACE), s.ttl, "smallest time to live");
  }
  static void ip4(State& s, const Ipv4Header& ip, const FlowPacket&) {
    if (!s.ttl || ip.ttl() < s.ttl.value) s.ttl = ip.ttl();
  }
  static void tcp(State& s, const TcpHeader& tcp, const FlowPacket& p) {
    if (tcp.window() > s.largest[p.direction]) s.largest[p.direction] = tcp.window();
  }
};

// One whose hooks no packet of the trace calls.
struct Silent {
  static constexpr const char* name = "silent_" TEXT(PLACE);
  static constexpr const char* description = "Error messages of ICMP that quote a packet of IPv6 only";
  struct State {
    std::uint8_t seen;
  };
  static void fields(FieldList& list, const State& s) {
    list.add("silent_" TEXT(PLACE), s.seen, "how many, of no more than 255");
  }
  static void l4(State& s, const Transport&, const FlowPacket&) { ++s.seen; }
};

class Syns : public Chef {
 public:
  Payload packet_handler(const Packet& packet) override {
    const auto tcp = packet.tcp();
    if (tcp && tcp->has(tcp_flag::syn) && !tcp->has(tcp_flag::ack)) ++syns_;
    return {};
  }
  Payload interval_handler(std::chrono::duration<double>) override { return {{"syns", syns_}}; }

 private:
  std::uint64_t syns_ = 0;
};

}  // namespace

SPIDERLING_CHAIN(Windows)
SPIDERLING_CHAIN(Silent)
SPIDERLING_CHEF(Syns)
