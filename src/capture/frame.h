// What capture hands on: bytes and the capture's words about them, nothing decoded.
#pragma once

#include <cstdint>

#include "spiderling/packet.h"

namespace spiderling {

/// One captured frame, borrowed from the stream that gave it until its next call.
struct Frame {
  const std::uint8_t* data = nullptr;
  std::int64_t time_ns = 0;       ///< since the epoch, UTC
  std::uint32_t captured = 0;     ///< bytes at `data`
  std::uint32_t wire_length = 0;  ///< never below `captured`
  LinkType link_type = LinkType::ethernet;
};

}  // namespace spiderling
