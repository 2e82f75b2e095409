// UDP (RFC 768), UDP-Lite (RFC 3828), SCTP (RFC 9260) common header, and transports without a view of their
// own.
#pragma once

#include <optional>

#include "spiderling/bytes.h"

namespace spiderling {

/// A view of a UDP header.
///
///     const auto udp = packet.udp();
///     if (udp && udp->checksum() == 0) return udp->destination_port();
class UdpHeader {
 public:
  static constexpr std::size_t size = 8;

  static std::optional<UdpHeader> at(Bytes bytes) {
    if (bytes.size() < size) return std::nullopt;
    return UdpHeader(bytes.data());
  }
  std::uint16_t source_port() const { return load_be16(p_); }
  std::uint16_t destination_port() const { return load_be16(p_ + 2); }
  /// Header and payload. UDP-Lite: the checksum coverage.
  std::uint16_t length() const { return load_be16(p_ + 4); }
  std::uint16_t checksum() const { return load_be16(p_ + 6); }

 private:
  explicit UdpHeader(const std::uint8_t* p) : p_(p) {}
  const std::uint8_t* p_;
};

class SctpHeader {
 public:
  static constexpr std::size_t size = 12;

  static std::optional<SctpHeader> at(Bytes bytes) {
    if (bytes.size() < size) return std::nullopt;
    return SctpHeader(bytes.data());
  }
  std::uint16_t source_port() const { return load_be16(p_); }
  std::uint16_t destination_port() const { return load_be16(p_ + 2); }
  std::uint32_t verification_tag() const { return load_be32(p_ + 4); }
  /// CRC32c, in the byte order of the wire.
  std::uint32_t checksum() const { return load_be32(p_ + 8); }

 private:
  explicit SctpHeader(const std::uint8_t* p) : p_(p) {}
  const std::uint8_t* p_;
};

/// Any transport: its protocol number and its bytes as far as captured, first header byte first.
struct Transport {
  std::uint8_t protocol = 0;
  Bytes bytes;
};

}  // namespace spiderling
