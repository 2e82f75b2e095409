// Bounded views of network bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

namespace spiderling {

/// Bytes of a packet, borrowed. Never owns; dies with what it points into.
///
///     const Bytes bytes = packet.payload();
///     if (bytes.size() >= 2) return load_be16(bytes.data());
using Bytes = std::span<const std::uint8_t>;

// Network byte order to host order. The caller has checked that the bytes are there. Any alignment.
inline std::uint16_t load_be16(const std::uint8_t* p) {
  std::uint16_t value;
  std::memcpy(&value, p, sizeof value);
  return __builtin_bswap16(value);
}
inline std::uint32_t load_be32(const std::uint8_t* p) {
  std::uint32_t value;
  std::memcpy(&value, p, sizeof value);
  return __builtin_bswap32(value);
}
inline std::uint64_t load_be64(const std::uint8_t* p) {
  std::uint64_t value;
  std::memcpy(&value, p, sizeof value);
  return __builtin_bswap64(value);
}
inline void store_be16(std::uint8_t* p, std::uint16_t value) {
  value = __builtin_bswap16(value);
  std::memcpy(p, &value, sizeof value);
}
inline void store_be32(std::uint8_t* p, std::uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(p, &value, sizeof value);
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the loads above swap");

}  // namespace spiderling
