// Checksums of IP and of what it carries: computed, updated, verified.
#pragma once

#include <cstdint>

#include "spiderling/packet.h"

namespace spiderling {

/// The one's complement sum of the Internet checksum (RFC 1071), over as many pieces as you like, of odd
/// lengths too: the result is that of the pieces put together. A value type; no allocation.
///
///     store_be16(header + 10, InternetSum().add(header_bytes).checksum());
class InternetSum {
 public:
  InternetSum& add(Bytes bytes);
  InternetSum& add16(std::uint16_t value);
  InternetSum& add32(std::uint32_t value);
  /// The pseudo header of RFC 9293 (section 3.1) for IPv4 addresses, of RFC 8200 (section 8.1) for IPv6.
  /// `length` is that of the transport header and its payload.
  InternetSum& add_pseudo_header(const IpAddress& source, const IpAddress& destination, std::uint8_t protocol,
                                 std::uint32_t length);
  /// What belongs into the checksum field, for store_be16. If the field was part of the sum and right, this
  /// is 0.
  std::uint16_t checksum() const;

 private:
  std::uint64_t sum_ =
      0;              // of 16-bit words as they lie in memory; byte order makes no difference until the end
  bool odd_ = false;  // the next byte is the second of a word
};

/// The checksum of RFC 1071 over one piece.
inline std::uint16_t internet_checksum(Bytes bytes) { return InternetSum().add(bytes).checksum(); }

/// The checksum after one of the 16-bit words below it changed (RFC 1624, equation 3). The words are given as
/// load_be16 gives them, and are at an even offset.
std::uint16_t update_checksum(std::uint16_t checksum, std::uint16_t old_word, std::uint16_t new_word);
/// The same for a 32-bit field, such as an address.
std::uint16_t update_checksum32(std::uint16_t checksum, std::uint32_t old_value, std::uint32_t new_value);

/// CRC32c (Castagnoli) as SCTP uses it (RFC 9260, appendix A), as the number that crc32c("123456789") =
/// 0xe3069283. SCTP puts it into its header with its lowest byte first.
std::uint32_t crc32c(Bytes bytes);

/// The checksum field of a transport over IP, for store_be16; the field counts as what it holds: zero it
/// before.
///   TCP, ICMPv6: the sum over pseudo header and segment. ICMPv4: over the message alone.
///   UDP: as TCP, but a sum of 0 is given as 0xffff, since 0 says "no checksum" (RFC 768).
///   UDP-Lite: over the coverage that the header states; 0 covers all, an impossible one too (RFC 3828).
/// SCTP is not of this family: see sctp_checksum.
std::uint16_t transport_checksum(const IpAddress& source, const IpAddress& destination, std::uint8_t protocol,
                                 Bytes segment);

/// The checksum field of an SCTP packet, for store_be32. The field counts as zero, whatever it holds.
std::uint32_t sctp_checksum(Bytes packet);

enum class ChecksumState : std::uint8_t {
  good,
  bad,
  absent,   ///< the sender left it out: UDP over IPv4 with 0, or a network or transport that has none
  unknown,  ///< cannot be told: cut by the capture, a fragment, or the header is malformed
};

/// The IPv4 header's checksum; absent in IPv6.
ChecksumState verify_network_checksum(const Packet& packet);

/// The checksum of TCP, UDP, UDP-Lite, SCTP, ICMPv4 or ICMPv6. UDP over IPv6 with 0 is bad (RFC 8200,
/// section 8.1; the exception for tunnels of RFC 6935 is not made), and so is UDP-Lite with 0. A routing
/// header (types 0, 2 and 4) names the final destination, as the pseudo header wants it.
///
/// A packet captured on its sender is often bad for no fault of its own: the card fills the checksum in
/// later.
ChecksumState verify_transport_checksum(const Packet& packet);

}  // namespace spiderling
