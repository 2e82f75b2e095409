// The records of N shards are those of one.
#include <gtest/gtest.h>

#include <random>

#include "flows/test_observer.h"

namespace spiderling {
namespace {

using namespace testing;

const HashSeed seed{{0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0xd6e8feb86659fd93}};

PacketBytes in_ethernet(const PacketBytes& ip, bool tagged) {
  PacketBytes frame(12, 0);
  const auto add = [&](std::uint16_t value) {
    frame.push_back(static_cast<std::uint8_t>(value >> 8));
    frame.push_back(static_cast<std::uint8_t>(value));
  };
  if (tagged) {
    add(0x8100);
    add(7);
  }
  add(!ip.empty() && ip[0] >> 4 == 6 ? 0x86dd : 0x0800);
  frame.insert(frame.end(), ip.begin(), ip.end());
  frame.resize(std::max<std::size_t>(frame.size(), 60));
  return frame;
}

// Everything at once: both versions, transports, errors, fragments whole and orphaned, in any order,
// time-outs, steps back in time, damage.
class Mess {
 public:
  explicit Mess(std::uint64_t random_seed) : random_(random_seed) {}

  Trace make(std::size_t count) {
    Trace trace;
    while (trace.size() < count) {
      std::vector<PacketBytes> packets = some_packets();
      std::shuffle(packets.begin(), packets.end(), random_);
      for (PacketBytes& packet : packets) {
        if (roll(12) == 0) continue;  // lost
        step();
        if (roll(40) == 0 && !packet.empty())
          packet[roll(packet.size())] ^= static_cast<std::uint8_t>(1 + roll(255));
        if (roll(60) == 0) packet.resize(roll(packet.size() + 1));
        if (roll(2) == 0) {
          trace.at(now_, std::move(packet));
        } else {
          trace.at(now_, in_ethernet(packet, roll(4) == 0), LinkType::ethernet);
        }
      }
    }
    return trace;
  }

 private:
  std::uint64_t roll(std::uint64_t sides) { return random_() % sides; }

  void step() {
    constexpr std::int64_t steps[] = {0,          1,           millisecond, 50 * millisecond, second,
                                      3 * second, 20 * second, 40 * second, 70 * second};
    now_ += steps[roll(16) < 13 ? roll(5) : roll(9)];
    if (roll(50) == 0) now_ -= static_cast<std::int64_t>(roll(90)) * second;
    if (roll(2000) == 0) now_ -= 10'000 * second;
  }
  Endpoint endpoint(IpVersion version) {
    std::uint8_t bytes[16] = {10, 1};
    bytes[version == IpVersion::v4 ? 3 : 15] = static_cast<std::uint8_t>(1 + roll(6));
    return {version == IpVersion::v4 ? IpAddress::v4(bytes) : IpAddress::v6(bytes),
            static_cast<std::uint16_t>(1 + roll(3))};
  }
  std::vector<PacketBytes> some_packets() {
    const IpVersion version = roll(2) == 0 ? IpVersion::v4 : IpVersion::v6;
    const Endpoint from = endpoint(version), to = endpoint(version), router = endpoint(version);
    switch (roll(7)) {
      case 0:
        return {tcp_packet(from, to, roll(5) == 0 ? tcp_flag::fin : tcp_flag::ack),
                tcp_packet(to, from, tcp_flag::ack)};
      case 1: return {udp_packet(from, to, roll(90)), udp_packet(to, from, roll(90))};
      case 2: return {udp_packet(from, to, Trail::vetoed), udp_packet(from, to, Trail::last)};
      case 3:
        return {other_packet(from, to, 50, roll(40)),
                icmp_packet(from, to, version == IpVersion::v4 ? 8 : 128)};
      case 4: {
        const auto quoted = roll(2) == 0 ? tcp_packet(from, to, tcp_flag::syn) : udp_packet(from, to);
        return {quoted, unreachable(router, from, quoted)};
      }
      default: {
        const auto id = static_cast<std::uint16_t>(roll(300));
        auto parts = fragments_of(udp_packet(from, to, 500 + roll(500), {.identification = id}), 300, id);
        parts.push_back(unreachable(router, from, parts[roll(parts.size())]));
        return parts;
      }
    }
  }

  std::mt19937_64 random_;
  std::int64_t now_ = 0;
};

struct Outcome {
  std::vector<Seen> records;
  ObserverCounters counters;
};

Outcome observe(std::span<const Frame> frames, std::size_t shards, std::size_t batch) {
  const ChainSet chains = chain_set<Trail>();
  Outcome outcome;
  Collector sink;
  for (std::size_t shard = 0; shard < shards; ++shard) {
    Observer observer(chains, {.shard = shard, .shards = shards, .seed = seed}, sink);
    for (std::size_t at = 0; at < frames.size(); at += batch) {
      observer.process(frames.subspan(at, std::min(batch, frames.size() - at)));
    }
    observer.finish();
    outcome.counters += observer.counters();
  }
  outcome.records = sink.sorted();
  return outcome;
}

TEST(ObserverShards, GiveTheRecordsOfOne) {
  for (std::uint64_t random_seed = 1; random_seed <= 12; ++random_seed) {
    Trace trace = Mess(random_seed).make(6000);
    for (const std::size_t batch : {std::size_t{1}, std::size_t{64}, std::size_t{500}}) {
      const Outcome one = observe(trace.frames(), 1, batch);
      EXPECT_EQ(one.counters.packets, trace.size());
      EXPECT_EQ(one.counters.records, one.records.size());
      EXPECT_GT(one.counters.orphan_fragments, 0u);
      EXPECT_GT(one.counters.malformed, 0u);
      std::uint64_t in_flows = 0;
      for (const Seen& record : one.records) in_flows += record.forward() + record.reverse();
      EXPECT_EQ(in_flows + one.counters.short_packets + one.counters.non_ip + one.counters.ignored_packets,
                trace.size());
      for (const std::size_t shards : {2u, 3u, 7u}) {
        const Outcome many = observe(trace.frames(), shards, batch);
        ASSERT_EQ(many.records, one.records)
            << "seed " << random_seed << ", " << shards << " shards, batches of " << batch;
        EXPECT_EQ(many.counters.packets, one.counters.packets);
        EXPECT_EQ(many.counters.short_packets, one.counters.short_packets);
        EXPECT_EQ(many.counters.non_ip, one.counters.non_ip);
        EXPECT_EQ(many.counters.malformed, one.counters.malformed);
        EXPECT_EQ(many.counters.flows, one.counters.flows);
        EXPECT_EQ(many.counters.ignored, one.counters.ignored);
        EXPECT_EQ(many.counters.ignored_packets, one.counters.ignored_packets);
        EXPECT_EQ(many.counters.orphan_fragments, one.counters.orphan_fragments);
      }
    }
  }
}

TEST(ObserverShards, ShareTheFlows) {
  Trace trace = Mess(99).make(5000);
  const ChainSet chains = chain_set<Trail>();
  for (std::size_t shard = 0; shard < 3; ++shard) {
    Collector sink;
    Observer observer(chains, {.shard = shard, .shards = 3, .seed = seed}, sink);
    observer.process(trace.frames());
    observer.finish();
    EXPECT_GT(sink.records.size(), 50u);
  }
}

}  // namespace
}  // namespace spiderling
