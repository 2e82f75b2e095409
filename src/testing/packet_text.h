// A packet written as a line of text, made into bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace spiderling::testing {

/// Names of ends, as `let` lines give them.
using EndNames = std::map<std::string, std::string, std::less<>>;

struct TextPacket {
  std::vector<std::uint8_t> frame;  ///< Ethernet
  std::uint32_t wire_length = 0;    ///< of the whole frame, where less of it is captured; else 0
};

/// `text`: what include/spiderling/testing/packets.h describes, without a time. Throws std::invalid_argument,
/// which says what is wrong, without the line.
TextPacket packet_of_text(std::string_view text, const EndNames& names);

}  // namespace spiderling::testing
