// ICMPv4 (RFC 792) and ICMPv6 (RFC 4443).
#pragma once

#include <optional>

#include "spiderling/address.h"
#include "spiderling/bytes.h"

namespace spiderling {

namespace icmp4_type {
inline constexpr std::uint8_t echo_reply = 0;
inline constexpr std::uint8_t destination_unreachable = 3;
inline constexpr std::uint8_t source_quench = 4;
inline constexpr std::uint8_t redirect = 5;
inline constexpr std::uint8_t echo_request = 8;
inline constexpr std::uint8_t time_exceeded = 11;
inline constexpr std::uint8_t parameter_problem = 12;
}  // namespace icmp4_type

namespace icmp6_type {
inline constexpr std::uint8_t destination_unreachable = 1;
inline constexpr std::uint8_t packet_too_big = 2;
inline constexpr std::uint8_t time_exceeded = 3;
inline constexpr std::uint8_t parameter_problem = 4;
inline constexpr std::uint8_t echo_request = 128;
inline constexpr std::uint8_t echo_reply = 129;
}  // namespace icmp6_type

/// A view of an ICMPv4 or ICMPv6 message; `version` says which set of types it speaks.
///
///     const auto icmp = packet.icmp();
///     if (icmp && icmp->is_error()) return icmp->type();
class IcmpHeader {
 public:
  static constexpr std::size_t size = 8;

  static std::optional<IcmpHeader> at(Bytes bytes, IpVersion version) {
    if (bytes.size() < size) return std::nullopt;
    return IcmpHeader(bytes, version);
  }
  IpVersion version() const { return version_; }
  std::uint8_t type() const { return bytes_[0]; }
  std::uint8_t code() const { return bytes_[1]; }
  std::uint16_t checksum() const { return load_be16(bytes_.data() + 2); }
  /// Bytes 4 to 7: identifier and sequence number, next-hop MTU, pointer, by type.
  std::uint32_t rest_of_header() const { return load_be32(bytes_.data() + 4); }
  Bytes payload() const { return bytes_.subspan(size); }
  /// ICMPv4 types 3, 4, 5, 11, 12; ICMPv6 types 1 to 4: those that quote the packet they are about.
  bool is_error() const {
    const std::uint8_t t = type();
    if (version_ == IpVersion::v6) return t >= 1 && t <= 4;
    return t == 3 || t == 4 || t == 5 || t == 11 || t == 12;
  }

 private:
  IcmpHeader(Bytes bytes, IpVersion version) : bytes_(bytes), version_(version) {}
  Bytes bytes_;
  IpVersion version_;
};

}  // namespace spiderling
