// IPv4 (RFC 791) and IPv6 (RFC 8200) headers.
#pragma once

#include <optional>

#include "spiderling/address.h"
#include "spiderling/bytes.h"

namespace spiderling {

/// IANA protocol numbers that we decode.
enum class IpProtocol : std::uint8_t {
  hop_by_hop = 0,
  icmp = 1,
  ipip = 4,
  tcp = 6,
  udp = 17,
  ipv6 = 41,
  routing = 43,
  fragment = 44,
  gre = 47,
  esp = 50,
  ah = 51,
  icmpv6 = 58,
  no_next_header = 59,
  destination_options = 60,
  sctp = 132,
  mobility = 135,
  udplite = 136,
  hip = 139,
  shim6 = 140,
};

/// The ECN field (RFC 3168, section 5).
enum class Ecn : std::uint8_t { not_ect = 0, ect1 = 1, ect0 = 2, ce = 3 };

/// A view of an IPv4 header, options included.
///
///     const auto ip = packet.ip4();
///     if (ip && !ip->is_fragment()) return ip->ttl();
class Ipv4Header {
 public:
  static constexpr std::size_t min_size = 20;

  /// nullopt unless the version is 4, the header length at least 20, and the whole header is there.
  static std::optional<Ipv4Header> at(Bytes bytes) {
    if (bytes.size() < min_size || (bytes[0] >> 4) != 4) return std::nullopt;
    const std::size_t header_length = static_cast<std::size_t>(bytes[0] & 0x0f) * 4;
    if (header_length < min_size || header_length > bytes.size()) return std::nullopt;
    return Ipv4Header(bytes.data());
  }
  std::size_t header_length() const { return static_cast<std::size_t>(p_[0] & 0x0f) * 4; }
  /// DSCP and ECN together.
  std::uint8_t traffic_class() const { return p_[1]; }
  std::uint8_t dscp() const { return static_cast<std::uint8_t>(p_[1] >> 2); }
  Ecn ecn() const { return static_cast<Ecn>(p_[1] & 3); }
  /// As it stands in the header; 0 in packets that the capturing host had not yet segmented.
  std::uint16_t total_length() const { return load_be16(p_ + 2); }
  std::uint16_t identification() const { return load_be16(p_ + 4); }
  /// The reserved bit, "evil bit" of RFC 3514.
  bool reserved_flag() const { return (p_[6] & 0x80) != 0; }
  bool dont_fragment() const { return (p_[6] & 0x40) != 0; }
  bool more_fragments() const { return (p_[6] & 0x20) != 0; }
  /// In bytes.
  std::uint16_t fragment_offset() const {
    return static_cast<std::uint16_t>((load_be16(p_ + 6) & 0x1fff) * 8);
  }
  bool is_fragment() const { return (load_be16(p_ + 6) & 0x3fff) != 0; }
  std::uint8_t ttl() const { return p_[8]; }
  std::uint8_t protocol() const { return p_[9]; }
  std::uint16_t checksum() const { return load_be16(p_ + 10); }
  IpAddress source() const { return IpAddress::v4(p_ + 12); }
  IpAddress destination() const { return IpAddress::v4(p_ + 16); }
  Bytes options() const { return {p_ + min_size, header_length() - min_size}; }
  Bytes bytes() const { return {p_, header_length()}; }

 private:
  explicit Ipv4Header(const std::uint8_t* p) : p_(p) {}
  const std::uint8_t* p_;
};

/// A view of the fixed IPv6 header. Extension headers are walked by the decoder: Packet::protocol() and
/// Packet::transport() are behind them.
class Ipv6Header {
 public:
  static constexpr std::size_t size = 40;

  static std::optional<Ipv6Header> at(Bytes bytes) {
    if (bytes.size() < size || (bytes[0] >> 4) != 6) return std::nullopt;
    return Ipv6Header(bytes.data());
  }
  /// DSCP and ECN together.
  std::uint8_t traffic_class() const { return static_cast<std::uint8_t>(load_be16(p_) >> 4); }
  std::uint8_t dscp() const { return static_cast<std::uint8_t>(traffic_class() >> 2); }
  Ecn ecn() const { return static_cast<Ecn>(traffic_class() & 3); }
  std::uint32_t flow_label() const { return load_be32(p_) & 0xfffff; }
  /// Extension headers and what follows, in bytes, as it stands in the header.
  std::uint16_t payload_length() const { return load_be16(p_ + 4); }
  std::uint8_t next_header() const { return p_[6]; }
  std::uint8_t hop_limit() const { return p_[7]; }
  IpAddress source() const { return IpAddress::v6(p_ + 8); }
  IpAddress destination() const { return IpAddress::v6(p_ + 24); }
  Bytes bytes() const { return {p_, size}; }

 private:
  explicit Ipv6Header(const std::uint8_t* p) : p_(p) {}
  const std::uint8_t* p_;
};

/// Where a fragment stands in its datagram (RFC 791, section 3.2; RFC 8200, section 4.5).
struct FragmentInfo {
  std::uint32_t identification = 0;
  std::uint16_t offset = 0;  ///< in bytes
  bool more_fragments = false;
  bool is_first() const { return offset == 0; }
};

}  // namespace spiderling
