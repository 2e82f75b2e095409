// What a forged packet may say of itself.
#pragma once

#include "base/error.h"
#include "connect/local_port.h"
#include "spiderling/bytes.h"
#include "spiderling/headers/ip.h"

namespace spiderling {

/// An error if these bytes are not one whole IP packet of this protocol (TCP or UDP) from and to these ends:
/// what we send under another's name, or to somebody else, does not leave. Everything else may be as unusual
/// as the measurement wants it, but for what a raw socket would quietly change: an IPv4 header checksum must
/// be right, or 0 and filled in.
Result<void> check_forged(Bytes packet, const ConnectionEnds& ends, IpProtocol protocol);

}  // namespace spiderling
