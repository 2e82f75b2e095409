// Helpers of the tests of the wire stage and of those behind it. Only for tests: they allocate.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "wire/dissect.h"

namespace spiderling::testing {

/// The bytes of "45 00 00 3c  1c46"; white space is ignored, an odd digit at the end too.
inline std::vector<std::uint8_t> hex(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  int high = -1;
  for (const char c : text) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) continue;
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<std::uint8_t>(high << 4 | digit));
      high = -1;
    }
  }
  return bytes;
}

inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// The layers of bytes that were captured whole, unless a wire length says otherwise.
inline Packet dissect(Bytes bytes, LinkType link_type = LinkType::ethernet, std::uint32_t wire_length = 0) {
  Packet packet;
  Dissector::dissect(packet, bytes, wire_length, 0, link_type);
  return packet;
}

/// Bytes on the heap, of exactly their size, so that AddressSanitizer sees a read past either end.
class ExactCopy {
 public:
  explicit ExactCopy(Bytes bytes) : bytes_(new std::uint8_t[bytes.size()]), size_(bytes.size()) {
    if (!bytes.empty()) std::memcpy(bytes_.get(), bytes.data(), bytes.size());
  }
  Bytes bytes() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t size_;
};

}  // namespace spiderling::testing
