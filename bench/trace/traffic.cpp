#include "trace/traffic.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <vector>

#include "trace/flow.h"

namespace spiderling::bench {
namespace {

constexpr std::uint64_t second = 1'000'000;              // in microseconds, as all times here
constexpr std::uint64_t start = 1'700'000'000 * second;  // 2023-11-14T22:13:20Z
constexpr std::uint64_t duration = 600 * second;

struct Event {
  std::uint64_t time;
  std::uint32_t flow;
  friend bool operator>(const Event& a, const Event& b) {
    return a.time != b.time ? a.time > b.time : a.flow > b.flow;
  }
};
using Schedule = std::priority_queue<Event, std::vector<Event>, std::greater<>>;

FlowKind choose_kind(Random& random) {
  const std::uint32_t n = random.below(1000);
  if (n < 680) return FlowKind::tcp;
  if (n < 732) return FlowKind::dns;
  if (n < 830) return FlowKind::quic;
  if (n < 950) return FlowKind::udp;
  if (n < 955) return FlowKind::fragmented_udp;
  if (n < 990) return FlowKind::ping;
  return FlowKind::unreachable;
}

std::uint32_t choose_packets(FlowKind kind, Random& random) {
  switch (kind) {
    case FlowKind::tcp: break;
    case FlowKind::dns: return 2;
    case FlowKind::quic: return random.between(2, 14);
    case FlowKind::udp: return random.between(1, 6);
    case FlowKind::fragmented_udp: return 3 * random.between(1, 2);
    case FlowKind::ping: return 2 * random.between(1, 4);
    case FlowKind::unreachable: return random.between(2, 3);
  }
  const std::uint32_t n = random.below(100);
  if (n < 10) return random.between(1, 3);
  if (n < 70) return random.between(6, 11);
  return random.between(9, 16);
}

/// Flows of a usual length; what is left of the packets goes to one flow in twenty, a few of them much longer
/// than the others.
std::vector<Flow> make_flows(const TrafficOptions& options, Random& random) {
  std::vector<Flow> flows(options.flows);
  std::vector<std::uint32_t> weights(options.flows);
  std::uint64_t packets = 0;
  std::uint64_t total_weight = 0;
  for (std::uint32_t i = 0; i < options.flows; ++i) {
    Flow& flow = flows[i];
    flow.index = i;
    flow.seed = random.next();
    flow.kind = choose_kind(random);
    flow.packets = choose_packets(flow.kind, random);
    packets += flow.packets;
    const bool elephant = (flow.kind == FlowKind::tcp || flow.kind == FlowKind::quic) && random.chance(1, 20);
    weights[i] = elephant ? 40 + 4000 / (1 + random.below(100)) : 0;
    total_weight += weights[i];
  }
  if (packets >= options.packets || total_weight == 0) return flows;
  const std::uint64_t missing = options.packets - packets;
  for (std::uint32_t i = 0; i < options.flows; ++i) {
    flows[i].packets += static_cast<std::uint32_t>(missing * weights[i] / total_weight);
  }
  return flows;
}

/// Bursts, round trips and pauses. Long flows have no pauses, and what would last past the end is hurried.
std::uint64_t choose_gap(const Flow& flow, std::uint64_t time, Random& random) {
  constexpr std::uint32_t long_flow = 100;
  const std::uint32_t n = random.below(100);
  std::uint64_t gap = random.between(20, 600);
  if (n >= 65) gap = random.between(8'000, 90'000);
  if (n >= 92 && flow.packets < long_flow) gap = random.between(100'000, 3'000'000);
  return time + gap < start + duration ? gap : 500;
}

}  // namespace

void make_mixed(const TrafficOptions& options, const PacketSink& sink) {
  Random random(options.seed);
  std::vector<Flow> flows = make_flows(options, random);
  std::vector<Event> events;
  events.reserve(flows.size());
  constexpr auto last_start = static_cast<std::uint32_t>(duration - 15 * second);
  for (std::uint32_t i = 0; i < options.flows; ++i) events.push_back({start + random.below(last_start), i});
  Schedule schedule(std::greater<>(), std::move(events));

  Frame frame;
  while (!schedule.empty()) {
    const Event event = schedule.top();
    schedule.pop();
    Flow& flow = flows[event.flow];
    next_packet(frame, flow, random, event.time);
    if (random.chance(1, 1000)) damage(frame, random);
    sink(event.time, frame.bytes());
    if (flow.sent < flow.packets) {
      schedule.push({event.time + choose_gap(flow, event.time, random), event.flow});
    }
  }
}

void make_concurrent(std::uint32_t flows, std::uint64_t seed, const PacketSink& sink) {
  constexpr std::uint64_t phase = 10 * second;
  Random random(seed);
  Frame frame;
  for (const std::uint32_t sent :
       {0U, 3U}) {  // the SYN, then what stands fourth in a connection: the request
    for (std::uint32_t i = 0; i < flows; ++i) {
      Flow flow;
      flow.index = i;
      flow.seed = mix(seed) + mix(i);
      flow.packets = 20;
      flow.sent = sent;
      flow.client_bytes = sent == 0 ? 0 : 1;
      flow.server_bytes = flow.client_bytes;
      const std::uint64_t time = start + (sent == 0 ? 0 : phase) + phase * i / flows;
      next_packet(frame, flow, random, time);
      sink(time, frame.bytes());
    }
  }
}

}  // namespace spiderling::bench
