// The observer against a slow and obvious reading of the same rules, on random packets.
#include <gtest/gtest.h>

#include <optional>
#include <random>

#include "flows/test_observer.h"

namespace spiderling {
namespace {

using namespace testing;

// What a packet is, said without its bytes.
struct Sketch {
  enum Kind { whole, first_fragment, later_fragment, icmp_error } kind = whole;
  std::int64_t time_ns = 0;
  Endpoint from;
  Endpoint to;
  std::uint8_t protocol = 0;
  bool ends = false;              // TCP with a FIN
  std::uint32_t udp_payload = 0;  // of a whole UDP packet or a first fragment
  std::uint32_t length = 0;       // of the IP datagram
  std::uint32_t datagram = 0;     // of a fragment, or of the fragment that is quoted
  // Of an icmp_error: who sent the packet that it quotes, to whom, and what part of a datagram it was.
  Kind quoted = whole;
  Endpoint quoted_from;
  Endpoint quoted_to;
  std::uint8_t quoted_protocol = 0;
};

struct Made {
  Sketch sketch;
  PacketBytes bytes;
};

using Side = std::pair<IpAddress, std::uint16_t>;
using Key = std::tuple<Side, Side, std::uint8_t>;

Side side(const Endpoint& endpoint, bool ports) {
  return {endpoint.address, ports ? endpoint.port : std::uint16_t{0}};
}

// ---- the rules, as the reference has them

class Model {
 public:
  static constexpr std::int64_t idle = 30 * second;
  static constexpr std::int64_t expiry = 5 * second;

  void see(const Sketch& packet) {
    if (packet.kind == Sketch::icmp_error) return add(packet, named_by_error(packet));
    const Name own = name_of(packet.from, packet.to, packet.protocol);
    if (packet.kind == Sketch::later_fragment) {
      const auto known = datagrams_.find(packet.datagram);
      if (known == datagrams_.end()) return held_[packet.datagram].push_back(packet);
      return add(packet, known->second);
    }
    add(packet, own);
    if (packet.kind != Sketch::first_fragment) return;
    datagrams_[packet.datagram] = own;
    for (const Sketch& later : held_[packet.datagram]) add(later, own);
    held_.erase(packet.datagram);
  }
  std::vector<Seen> finish() {
    EXPECT_TRUE(std::ranges::all_of(held_, [](const auto& held) { return held.second.empty(); }))
        << "this model knows no orphans";
    while (!flows_.empty()) end(flows_.begin()->first);
    std::sort(records_.begin(), records_.end());
    return records_;
  }
  std::uint64_t ignored_packets = 0;

 private:
  struct Name {
    Key key;
    Side sender;  // who a packet with this name counts as sent by
  };
  struct Flow {
    Seen record;
    Side forward_sender;
    std::optional<std::int64_t> completed;
    bool ignored = false;
  };

  static Name name_of(const Endpoint& from, const Endpoint& to, std::uint8_t protocol) {
    const bool ports = protocol == 6 || protocol == 17;
    const Side a = side(from, ports), b = side(to, ports);
    return {{std::min(a, b), std::max(a, b), protocol}, a};
  }
  static Side nobody() { return {IpAddress{}, 1}; }
  static Name reversed(const Name& name) {
    const auto& [low, high, protocol] = name.key;
    if (low == high) return {name.key, nobody()};  // a host talking to itself: not by its packets' sender
    return {name.key, name.sender == low ? high : low};
  }
  Name named_by_error(const Sketch& error) const {
    if (error.quoted == Sketch::later_fragment) {
      const auto known = datagrams_.find(error.datagram);
      if (known != datagrams_.end()) return reversed(known->second);
      return reversed(
          name_of({error.quoted_from.address, 0}, {error.quoted_to.address, 0}, error.quoted_protocol));
    }
    return reversed(name_of(error.quoted_from, error.quoted_to, error.quoted_protocol));
  }

  void end(const Key& key) {
    const auto at = flows_.find(key);
    if (!at->second.ignored) records_.push_back(at->second.record);
    flows_.erase(at);
  }

  void add(const Sketch& packet, const Name& name) {
    auto at = flows_.find(name.key);
    if (at != flows_.end()) {
      Flow& old = at->second;
      if (!old.completed && packet.time_ns - old.record.last_ns >= idle)
        old.completed = old.record.last_ns + idle;
      if (old.completed && packet.time_ns >= *old.completed + expiry) {
        end(name.key);
        at = flows_.end();
      }
    }
    if (at == flows_.end()) at = flows_.emplace(name.key, start(packet, name)).first;
    Flow& flow = at->second;
    flow.record.first_ns = std::min(flow.record.first_ns, packet.time_ns);
    flow.record.last_ns = std::max(flow.record.last_ns, packet.time_ns);
    if (flow.ignored) {
      ++ignored_packets;
      return;
    }
    run_trail(flow, packet, name.sender == flow.forward_sender);
  }

  static Flow start(const Sketch& packet, const Name& name) {
    Flow flow;
    flow.record.first_ns = flow.record.last_ns = packet.time_ns;
    flow.forward_sender = name.sender;
    Trail::State& trail = flow.record.trail;
    trail.source = packet.from.address;
    trail.destination = packet.to.address;
    trail.protocol = packet.protocol;
    const bool ports =
        (packet.protocol == 6 || packet.protocol == 17) && packet.kind != Sketch::later_fragment;
    if (ports) {
      trail.source_port = packet.from.port;
      trail.destination_port = packet.to.port;
    }
    flow.ignored = packet.protocol == 17 && ports && packet.udp_payload == Trail::vetoed;
    return flow;
  }

  // What Trail does, with the hooks in their order.
  static void run_trail(Flow& flow, const Sketch& packet, bool forward) {
    const Direction direction = forward ? Direction::forward : Direction::reverse;
    Trail::State& trail = flow.record.trail;
    const auto call = [&](Trail::Hook hook) {
      ++trail.calls[hook][direction];
      trail.digest = Trail::digest_after(trail.digest, hook, forward, packet.length);
    };
    trail.octets[direction] += packet.length;
    call(packet.from.address.version == IpVersion::v4 ? Trail::ip4_hook : Trail::ip6_hook);
    if (packet.kind == Sketch::later_fragment) return;
    bool complete = false;
    if (packet.protocol == 6) {
      call(Trail::tcp_hook);
      complete = packet.ends;
    } else if (packet.protocol == 17) {
      call(Trail::udp_hook);
      complete = packet.udp_payload == Trail::last;
    } else if (packet.protocol == 1 || packet.protocol == 58) {
      call(Trail::icmp_hook);
    } else {
      call(Trail::l4_hook);
    }
    if (complete && !flow.completed) flow.completed = packet.time_ns;
  }

  std::map<Key, Flow> flows_;
  std::map<std::uint32_t, Name> datagrams_;
  std::map<std::uint32_t, std::vector<Sketch>> held_;
  std::vector<Seen> records_;
};

// ---- random packets, as a sketch and as bytes

class Traffic {
 public:
  explicit Traffic(std::uint64_t seed) : random_(seed) {}

  std::vector<Made> make(std::size_t count) {
    while (made_.size() < count) step();
    while (!pending_.empty()) send_pending(pending_.begin());
    return std::move(made_);
  }

 private:
  struct Pending {
    Made packet;
    std::int64_t not_after;
  };

  std::uint64_t roll(std::uint64_t sides) { return random_() % sides; }

  Endpoint endpoint(IpVersion version) {
    std::uint8_t bytes[16] = {10};
    bytes[version == IpVersion::v4 ? 3 : 15] = static_cast<std::uint8_t>(1 + roll(3));
    return {version == IpVersion::v4 ? IpAddress::v4(bytes) : IpAddress::v6(bytes),
            static_cast<std::uint16_t>(1 + roll(2))};
  }

  void step() {
    constexpr std::int64_t steps[] = {0,          1,          100 * millisecond, 2 * second,
                                      5 * second, 7 * second, 30 * second,       36 * second};
    const std::int64_t then = now_ + steps[roll(16) < 13 ? roll(4) : roll(8)];
    // All fragments of a datagram come within 40 s, so that none is given up.
    for (auto p = pending_.begin(); p != pending_.end();) p = p->not_after <= then ? send_pending(p) : p + 1;
    now_ = then;
    if (!pending_.empty() && roll(3) == 0) {
      send_pending(pending_.begin() + static_cast<std::ptrdiff_t>(roll(pending_.size())));
      return;
    }
    const IpVersion version = roll(2) == 0 ? IpVersion::v4 : IpVersion::v6;
    const Endpoint from = endpoint(version);
    Endpoint to = endpoint(version);
    while (to.address == from.address && to.port == from.port) to = endpoint(version);
    switch (roll(8)) {
      case 0:
      case 1: return send(tcp(from, to));
      case 2:
      case 3: return send(udp(from, to));
      case 4: return send(other(from, to));
      case 5: return send_error(roll(2) == 0 ? tcp(from, to) : udp(from, to));
      case 6: return send_error_about_fragment();
      default: return fragment(from, to);
    }
  }

  Made tcp(const Endpoint& from, const Endpoint& to) {
    const bool ends = roll(6) == 0;
    const std::string payload(roll(50), 'x');
    Made m{sketch(from, to, 6),
           tcp_packet(from, to, ends ? tcp_flag::fin : tcp_flag::ack, {.payload = payload})};
    m.sketch.ends = ends;
    return m;
  }
  Made udp(const Endpoint& from, const Endpoint& to) {
    constexpr std::uint32_t payloads[] = {Trail::vetoed, Trail::last, 1, 50, 51, 52};
    const std::uint32_t payload = payloads[roll(6)];
    Made m{sketch(from, to, 17), udp_packet(from, to, payload)};
    m.sketch.udp_payload = payload;
    return m;
  }
  Made other(const Endpoint& from, const Endpoint& to) {
    const std::uint8_t protocol = roll(2) == 0 ? 50 : 89;
    return {sketch(from, to, protocol), other_packet(from, to, protocol, 10 + roll(20))};
  }
  Sketch sketch(const Endpoint& from, const Endpoint& to, std::uint8_t protocol) const {
    Sketch s;
    s.from = from;
    s.to = to;
    s.protocol = protocol;
    return s;
  }

  void send(Made m) {
    m.sketch.time_ns = now_;
    m.sketch.length = static_cast<std::uint32_t>(m.bytes.size());
    made_.push_back(std::move(m));
  }

  void send_error(const Made& about) {
    Endpoint router = endpoint(about.sketch.from.address.version);
    Made m{sketch(router, about.sketch.from, router.address.version == IpVersion::v4 ? 1 : 58), {}};
    m.bytes = unreachable(router, about.sketch.from, about.bytes);
    m.sketch.kind = Sketch::icmp_error;
    m.sketch.quoted = about.sketch.kind;
    m.sketch.quoted_from = about.sketch.from;
    m.sketch.quoted_to = about.sketch.to;
    m.sketch.quoted_protocol = about.sketch.protocol;
    m.sketch.datagram = about.sketch.datagram;
    send(std::move(m));
  }
  // Of a datagram that is either on its way or so new that it is remembered.
  void send_error_about_fragment() {
    if (!pending_.empty()) send_error(pending_[roll(pending_.size())].packet);
  }

  void fragment(const Endpoint& from, const Endpoint& to) {
    const std::uint32_t datagram = next_datagram_++;
    const std::uint32_t payload = static_cast<std::uint32_t>(200 + roll(300));
    const auto parts =
        fragments_of(udp_packet(from, to, payload, {.identification = static_cast<std::uint16_t>(datagram)}),
                     200, datagram);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      Pending p{{sketch(from, to, 17), parts[i]}, now_ + 40 * second};
      p.packet.sketch.kind = i == 0 ? Sketch::first_fragment : Sketch::later_fragment;
      p.packet.sketch.datagram = datagram;
      p.packet.sketch.udp_payload = payload;
      pending_.push_back(std::move(p));
    }
  }
  std::vector<Pending>::iterator send_pending(std::vector<Pending>::iterator p) {
    Made m = std::move(p->packet);
    const auto next = pending_.erase(p);
    send(std::move(m));
    return next;
  }

  std::mt19937_64 random_;
  std::int64_t now_ = start_ns;
  std::uint32_t next_datagram_ = 1;
  std::vector<Made> made_;
  std::vector<Pending> pending_;
};

// Shows the first difference, not the thousand records.
void expect_same(const std::vector<Seen>& got, const std::vector<Seen>& expected) {
  const auto [g, e] = std::mismatch(got.begin(), got.end(), expected.begin(), expected.end());
  if (g != got.end()) ADD_FAILURE() << "got      " << *g;
  if (e != expected.end()) ADD_FAILURE() << "expected " << *e;
}

TEST(ObserverModel, AgreesOnRandomTraffic) {
  const ChainSet chains = chain_set<Trail>();
  std::uint64_t records = 0, ignored = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const std::vector<Made> traffic = Traffic(seed).make(2000);
    Model model;
    Trace trace;
    for (const Made& packet : traffic) {
      model.see(packet.sketch);
      trace.at_time(packet.sketch.time_ns, packet.bytes);
    }
    const std::vector<Seen> expected = model.finish();
    records += expected.size();
    ignored += model.ignored_packets;

    for (const std::size_t batch : {std::size_t{1}, std::size_t{3}, trace.size()}) {
      Collector sink;
      Observer observer(chains, {}, sink);
      const auto frames = trace.frames();
      for (std::size_t at = 0; at < frames.size(); at += batch) {
        observer.process(frames.subspan(at, std::min(batch, frames.size() - at)));
      }
      observer.finish();
      expect_same(sink.sorted(), expected);
      ASSERT_FALSE(HasFailure()) << "seed " << seed << ", batches of " << batch;
      ASSERT_EQ(observer.counters().ignored_packets, model.ignored_packets);
      ASSERT_EQ(observer.counters().packets, traffic.size());
      ASSERT_EQ(observer.counters().malformed, 0u);
      ASSERT_EQ(observer.counters().orphan_fragments, 0u);
    }
  }
  EXPECT_GT(records, 10'000u);
  EXPECT_GT(ignored, 1'000u);
}

}  // namespace
}  // namespace spiderling
