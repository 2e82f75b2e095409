// A SYN without some of its options, as a kernel that never knew them would have sent it. No I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "spiderling/connection.h"

namespace spiderling {

/// Takes out of a whole IP packet, if it is a SYN (no ACK), the options that are not to be kept. What stays
/// is laid out as Linux does it: nothing is left where an option was. Lengths and checksums are right
/// afterwards. The length of the packet now, which is never more than before; nothing if it is no SYN, or
/// malformed.
std::optional<std::size_t> keep_syn_options(std::span<std::uint8_t> ip_packet, const SynOptions& kept);

}  // namespace spiderling
