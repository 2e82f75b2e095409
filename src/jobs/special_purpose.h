// Addresses that belong to nobody who could be asked.
#pragma once

#include "spiderling/address.h"

namespace spiderling {

/// An entry of IANA's registries of special-purpose addresses (RFC 6890, RFC 8190), or of multicast.
struct SpecialPurpose {
  const char* prefix;
  const char* name;
  const char* document;
  bool globally_reachable;
};

/// The entry that covers the address, the longest one, if what it is for is not reachable from everywhere:
/// private networks, documentation, loopback, multicast, ... An IPv6 address that stands for an IPv4 address
/// is judged by that one too. nullptr: an ordinary address. From any thread.
const SpecialPurpose* special_purpose_of(const IpAddress& address);

}  // namespace spiderling
