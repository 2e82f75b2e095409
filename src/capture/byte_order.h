// Loads from traces, which are in the byte order of the machine that wrote them.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace spiderling {

static_assert(std::endian::native == std::endian::little, "a big-endian trace is a swapped one");

/// The value at `p`, of any alignment; the caller has checked that it is there.
inline std::uint16_t load16(const std::uint8_t* p, bool swapped) {
  std::uint16_t value = 0;
  std::memcpy(&value, p, sizeof value);
  return swapped ? __builtin_bswap16(value) : value;
}
inline std::uint32_t load32(const std::uint8_t* p, bool swapped) {
  std::uint32_t value = 0;
  std::memcpy(&value, p, sizeof value);
  return swapped ? __builtin_bswap32(value) : value;
}
inline std::uint64_t load64(const std::uint8_t* p, bool swapped) {
  std::uint64_t value = 0;
  std::memcpy(&value, p, sizeof value);
  return swapped ? __builtin_bswap64(value) : value;
}

}  // namespace spiderling
