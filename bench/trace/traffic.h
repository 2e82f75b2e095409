// The two traces of the benchmarks, packet by packet in order of time.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

namespace spiderling::bench {

/// Takes one packet; times in microseconds since the epoch, never going back.
using PacketSink = std::function<void(std::uint64_t time_us, std::span<const std::uint8_t> frame)>;

struct TrafficOptions {
  std::uint64_t packets = 3'140'000;
  std::uint32_t flows = 300'000;
  std::uint64_t seed = 1;
};

/// About ten minutes of mixed traffic: `packets` packets in `flows` conversations whose lifetimes overlap.
void make_mixed(const TrafficOptions& options, const PacketSink& sink);

/// `flows` TCP connections, all alive at once: a SYN each within ten seconds, a data packet each in the next
/// ten.
void make_concurrent(std::uint32_t flows, std::uint64_t seed, const PacketSink& sink);

}  // namespace spiderling::bench
