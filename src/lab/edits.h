// What the forwarder's boxes do to a packet: pure functions over its bytes.
#pragma once

#include <cstdint>
#include <span>

#include "spiderling/bytes.h"

namespace spiderling::lab {

/// True if an IP packet is a TCP SYN (no ACK) that carries data (RFC 9293, section 3.4; RFC 7413).
bool is_syn_with_data(Bytes ip_packet);

enum class MssBound : std::uint8_t { at_least, at_most };

/// Brings the MSS option of a SYN or SYN/ACK within a bound, its checksum with it (a wrong one stays as wrong
/// as it was), at whatever offset: nft leaves a wrong checksum where the option is at an odd one
/// (Linux 6.18). True if the packet was changed. Without the option, and malformed, packets stay as they are.
bool bound_mss(std::span<std::uint8_t> ip_packet, MssBound bound, std::uint16_t mss);

}  // namespace spiderling::lab
