// A socket's local end: an address and a port of ours.
#pragma once

#include <cstdint>

#include <tl/expected.hpp>

#include "connect/outcome.h"
#include "connect/port_allocator.h"
#include "spiderling/address.h"

namespace spiderling {

/// Both ends of a connection. All but the protocol.
struct ConnectionEnds {
  IpAddress sip;
  IpAddress dip;
  std::uint16_t sp = 0;
  std::uint16_t dp = 0;

  friend bool operator==(const ConnectionEnds&, const ConnectionEnds&) = default;
};

/// Binds a socket to ends.sip and a port that is leased for the destination, which becomes ends.sp. Other
/// sockets of ours may have the same port towards other destinations. Not ok: discard.
tl::expected<PortLease, Outcome> bind_local_port(int socket, PortAllocator& ports, ConnectionEnds& ends);

}  // namespace spiderling
