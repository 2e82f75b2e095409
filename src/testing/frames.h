// Packets of a test as the stages take them.
#pragma once

#include <vector>

#include "capture/frame.h"
#include "spiderling/testing/packets.h"

namespace spiderling::testing {

/// Borrowed from the packets.
inline std::vector<Frame> frames_of(const Packets& packets) {
  std::vector<Frame> frames;
  for (const StoredPacket& one : packets.stored()) {
    frames.push_back({one.bytes.data(), one.time.time_since_epoch().count(),
                      static_cast<std::uint32_t>(one.bytes.size()), one.wire_length, one.link_type});
  }
  return frames;
}

}  // namespace spiderling::testing
