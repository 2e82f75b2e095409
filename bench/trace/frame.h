// One frame under construction: link, network and transport header, then payload; lengths and checksums at
// the end.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace spiderling::bench {

inline constexpr std::uint8_t protocol_icmp = 1;
inline constexpr std::uint8_t protocol_tcp = 6;
inline constexpr std::uint8_t protocol_udp = 17;
inline constexpr std::uint8_t protocol_icmpv6 = 58;

/// Everything below the transport header that stays the same in all packets of one direction.
struct Envelope {
  std::array<std::uint8_t, 16> source{};  ///< IPv4: the first four bytes
  std::array<std::uint8_t, 16> destination{};
  std::uint16_t vlan = 0;        ///< 0: no tag
  std::uint16_t outer_vlan = 0;  ///< 0: no second tag (QinQ)
  bool v6 = false;
  std::uint8_t hop_limit = 64;
};

/// A buffer with the usual order of calls: begin(), append()..., finish(). Single thread.
class Frame {
 public:
  static constexpr std::size_t max_size = 2048;

  /// Link header and network header. `traffic_class` is DSCP and ECN together.
  void begin(const Envelope& envelope, std::uint8_t protocol, std::uint8_t traffic_class);
  /// Turns the packet into a fragment; right after begin(). `offset` in bytes, a multiple of eight.
  void fragment(std::uint32_t identification, std::uint32_t offset, bool more);

  void append(std::span<const std::uint8_t> bytes);
  void append8(std::uint8_t value) { bytes_[size_++] = value; }
  void append16(std::uint16_t value);
  void append32(std::uint32_t value);

  /// Writes the lengths, the IPv4 header checksum and the checksum of the transport, which stands
  /// `checksum_at` bytes behind the network header (no_checksum: there is none here).
  void finish(std::size_t checksum_at);
  static constexpr std::size_t no_checksum = max_size;

  std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size_}; }
  std::span<const std::uint8_t> network() const { return bytes().subspan(network_); }
  std::size_t network_offset() const { return network_; }
  std::size_t transport_offset() const { return transport_; }
  std::size_t size() const { return size_; }

  /// To damage a finished frame.
  std::uint8_t& at(std::size_t index) { return bytes_[index]; }
  void cut(std::size_t size) { size_ = size; }
  void pad_to(std::size_t size);

 private:
  void begin_v4(const Envelope& envelope, std::uint8_t traffic_class);
  void begin_v6(const Envelope& envelope, std::uint8_t traffic_class);
  std::uint64_t pseudo_header_sum() const;
  void put16(std::size_t at, std::uint16_t value);

  std::array<std::uint8_t, max_size> bytes_{};
  std::size_t size_ = 0;
  std::size_t network_ = 0;
  std::size_t transport_ = 0;
  std::uint16_t identification_ = 0;
  std::uint8_t protocol_ = 0;
  bool v6_ = false;
};

/// The Internet checksum (RFC 1071) of bytes that start at an even offset, not yet folded.
std::uint64_t checksum_sum(std::span<const std::uint8_t> bytes);
std::uint16_t checksum_fold(std::uint64_t sum);

}  // namespace spiderling::bench
