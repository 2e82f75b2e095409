// Packets in memory for the micro benchmarks.
#pragma once

#include <cstdint>
#include <vector>

#include "capture/frame.h"
#include "trace/traffic.h"

namespace spiderling::bench {

/// A small mixed trace, made once. The frames point into one block, as those of a capture do.
inline const std::vector<spiderling::Frame>& sample_frames() {
  struct Sample {
    std::vector<std::uint8_t> bytes;
    std::vector<spiderling::Frame> frames;
  };
  static const Sample sample = [] {
    Sample made;
    TrafficOptions options;
    options.packets = 20'000;
    options.flows = 2'000;
    make_mixed(options, [&](std::uint64_t time_us, std::span<const std::uint8_t> frame) {
      spiderling::Frame entry;
      entry.time_ns = static_cast<std::int64_t>(time_us) * 1000;
      entry.captured = static_cast<std::uint32_t>(frame.size());
      entry.wire_length = entry.captured;
      made.frames.push_back(entry);
      made.bytes.insert(made.bytes.end(), frame.begin(), frame.end());
    });
    const std::uint8_t* next = made.bytes.data();
    for (spiderling::Frame& frame : made.frames) {
      frame.data = next;
      next += frame.captured;
    }
    return made;
  }();
  return sample.frames;
}

}  // namespace spiderling::bench
