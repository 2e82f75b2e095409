// What the kernel remembers of the hosts that it has talked to: round trip times, and TCP Fast Open cookies
// (tcp_metrics, `ip tcp_metrics`).
#pragma once

#include <cstdint>

#include "base/error.h"
#include "host/netlink.h"
#include "spiderling/address.h"

namespace spiderling {

/// Of the network namespace in which it was opened. Not thread-safe.
class TcpMetrics {
 public:
  /// An error: this kernel does not tell.
  static Result<TcpMetrics> open();

  /// Forgets what is kept about connections between these two: the next one asks for a cookie. Nothing kept
  /// is no error. Needs CAP_NET_ADMIN.
  Result<void> forget(const IpAddress& target, const IpAddress& source);

 private:
  TcpMetrics(Netlink netlink, std::uint16_t family) : netlink_(std::move(netlink)), family_(family) {}

  Netlink netlink_;
  std::uint16_t family_;
};

}  // namespace spiderling
