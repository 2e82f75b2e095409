// A chain that notes all it is told, and a sink that keeps its records. Only for tests.
#pragma once

#include <algorithm>
#include <map>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "flows/observer.h"
#include "flows/test_packets.h"

namespace spiderling::testing {

/// Counts the calls of each hook, each way, and mixes them into an order-sensitive digest.
///
/// Vetoes a flow whose first packet is UDP with the payload length `vetoed`; ends a flow at a TCP FIN or a
/// UDP payload of the length `last`.
struct Trail {
  static constexpr const char* name = "trail";
  static constexpr const char* description = "Notes all it is told";
  static constexpr std::uint32_t vetoed = 13;
  static constexpr std::uint32_t last = 77;

  enum Hook : std::uint8_t {
    ip4_hook,
    ip6_hook,
    icmp_hook,
    icmp_quotation,
    tcp_hook,
    udp_hook,
    l4_hook,
    hooks
  };
  struct State {
    IpAddress source;
    IpAddress destination;
    std::uint64_t digest = 0;
    PerDirection<std::uint64_t> octets;
    PerDirection<std::uint32_t> calls[hooks];
    std::uint32_t new_flows = 0;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint8_t protocol = 0;
  };
  static void fields(FieldList& list, const State& s) {
    list.add("trail_octets_fwd", s.octets.fwd, "octets forward");
    list.add("trail_octets_rev", s.octets.rev, "octets reverse");
  }

  static Verdict new_flow(State& s, const FlowPacket& p) {
    ++s.new_flows;
    s.source = p->source();
    s.destination = p->destination();
    s.source_port = p->source_port();
    s.destination_port = p->destination_port();
    s.protocol = p->protocol();
    return p->udp() && p->payload_length() == vetoed ? Verdict::ignore : Verdict::go_on;
  }
  static void ip4(State& s, const Ipv4Header&, const FlowPacket& p) { ip(s, ip4_hook, p); }
  static void ip6(State& s, const Ipv6Header&, const FlowPacket& p) { ip(s, ip6_hook, p); }
  static void icmp4(State& s, const IcmpMessage& icmp, const FlowPacket& p) { any_icmp(s, icmp, p); }
  static void icmp6(State& s, const IcmpMessage& icmp, const FlowPacket& p) { any_icmp(s, icmp, p); }
  static Verdict tcp(State& s, const TcpHeader& tcp, const FlowPacket& p) {
    note(s, tcp_hook, p);
    return tcp.has(tcp_flag::fin) ? Verdict::complete : Verdict::go_on;
  }
  static Verdict udp(State& s, const UdpHeader&, const FlowPacket& p) {
    note(s, udp_hook, p);
    return p->payload_length() == last ? Verdict::complete : Verdict::go_on;
  }
  static void l4(State& s, const Transport&, const FlowPacket& p) { note(s, l4_hook, p); }

  static std::uint64_t digest_after(std::uint64_t digest, std::uint8_t hook, bool forward,
                                    std::uint32_t length) {
    return (digest ^ (std::uint64_t{hook} << 20 | std::uint64_t{forward} << 19 | length)) * 0x100000001b3u +
           1;
  }

 private:
  static void note(State& s, Hook hook, const FlowPacket& p) {
    ++s.calls[hook][p.direction];
    s.digest = digest_after(s.digest, hook, p.forward(), p->ip_length());
  }
  static void ip(State& s, Hook hook, const FlowPacket& p) {
    s.octets[p.direction] += p->ip_length();
    note(s, hook, p);
  }
  static void any_icmp(State& s, const IcmpMessage& icmp, const FlowPacket& p) {
    note(s, icmp_hook, p);
    if (icmp.quotation != nullptr) ++s.calls[icmp_quotation][p.direction];
  }
};

/// One record as the tests compare it.
struct Seen {
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
  Trail::State trail;

  std::uint32_t packets(Direction direction) const {
    return trail.calls[Trail::ip4_hook][direction] + trail.calls[Trail::ip6_hook][direction];
  }
  std::uint32_t forward() const { return packets(Direction::forward); }
  std::uint32_t reverse() const { return packets(Direction::reverse); }
  std::uint32_t calls(Trail::Hook hook) const { return trail.calls[hook].fwd + trail.calls[hook].rev; }

  auto tie() const {
    return std::tie(first_ns, last_ns, trail.source, trail.destination, trail.source_port,
                    trail.destination_port, trail.protocol, trail.digest, trail.octets.fwd, trail.octets.rev);
  }
  friend bool operator==(const Seen& a, const Seen& b) { return a.tie() == b.tie(); }
  friend bool operator<(const Seen& a, const Seen& b) { return a.tie() < b.tie(); }
  friend std::ostream& operator<<(std::ostream& out, const Seen& s) {
    return out << fmt::format(
               "[{}..{} ms] {}:{} > {}:{} proto {}: {} fwd ({} octets) {} rev ({} octets) digest {:x}",
               (s.first_ns - start_ns) / millisecond, (s.last_ns - start_ns) / millisecond,
               s.trail.source.to_string(), s.trail.source_port, s.trail.destination.to_string(),
               s.trail.destination_port, s.trail.protocol, s.forward(), s.trail.octets.fwd, s.reverse(),
               s.trail.octets.rev, s.trail.digest);
  }
};

/// Keeps every record. The chain set must have Trail as its first chain.
class Collector : public FlowSink {
 public:
  void flow_ended(const FlowRecord& record) override {
    Seen seen;
    seen.first_ns = record.first.time_since_epoch().count();
    seen.last_ns = record.last.time_since_epoch().count();
    std::memcpy(static_cast<void*>(&seen.trail), record.states, sizeof seen.trail);
    records.push_back(seen);
  }
  std::vector<Seen> sorted() const {
    std::vector<Seen> copy = records;
    std::sort(copy.begin(), copy.end());
    return copy;
  }
  std::vector<Seen> records;
};

template <class... Chains>
ChainSet chain_set() {
  const std::vector<const ChainDescription*> chains{&describe_chain<Chains>()...};
  auto made = ChainSet::make(chains);
  EXPECT_TRUE(made.has_value());
  return std::move(*made);
}

/// An observer with Trail, what it gave so far, and a clock that starts at start_ns.
class Watch {
 public:
  explicit Watch(const ObserverOptions& options = {})
      : chains_(chain_set<Trail>()), observer_(chains_, options, sink_) {}

  /// One packet, `since_start` nanoseconds after start_ns, in a batch of its own.
  void see(std::int64_t since_start, const PacketBytes& packet, LinkType link_type = LinkType::raw_ip) {
    const auto size = static_cast<std::uint32_t>(packet.size());
    const Frame frame{packet.data(), start_ns + since_start, size, size, link_type};
    observer_.process({&frame, 1});
  }
  void clock(std::int64_t since_start) {
    observer_.advance(Timestamp(std::chrono::nanoseconds(start_ns + since_start)));
  }
  const std::vector<Seen>& records() const { return sink_.records; }
  const std::vector<Seen>& finish() {
    observer_.finish();
    return sink_.records;
  }
  Observer& observer() { return observer_; }
  const ObserverCounters& counters() const { return observer_.counters(); }

 private:
  ChainSet chains_;
  Collector sink_;
  Observer observer_;
};

}  // namespace spiderling::testing
