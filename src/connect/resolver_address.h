// Where a resolver listens.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "spiderling/address.h"

namespace spiderling {

/// Where a resolver listens, by UDP and TCP.
struct ResolverAddress {
  IpAddress address;
  std::uint16_t port = 53;

  /// "192.0.2.53", "192.0.2.53:5353", "2001:db8::53" or "[2001:db8::53]:5353".
  static Result<ResolverAddress> parse(std::string_view text);
};

}  // namespace spiderling
