// What the checksums want to know of IPv6 extension headers.
#pragma once

#include "spiderling/packet.h"

namespace spiderling {

/// The address that a transport checksum's pseudo header has for its destination (RFC 8200, section 8.1): the
/// last one on the way where a routing header with segments left says so (types 0, 2 and 4), else the
/// destination of the header. `network` starts with an IPv4 or IPv6 header; no address if it does not.
IpAddress final_destination(Bytes network);

}  // namespace spiderling
