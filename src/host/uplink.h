// Whether packets can leave through an interface, as far as the kernel knows.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "host/netlink.h"
#include "spiderling/address.h"

namespace spiderling {

/// Looks at an interface and at the default routes that lead through it when this is made. One thread.
class Uplink {
 public:
  /// Error: there is no such interface, or the kernel does not answer.
  static Result<Uplink> open(const std::string& interface);

  /// Empty: all is as it was. Else what is away, for a person: "lab0 is down". An interface that was down
  /// between two looks is told once. A few questions to the kernel; they do not grow with its routes.
  std::string what_is_away();
  /// The next hop of the default route, IPv4 before IPv6; none if there is no such route.
  std::optional<IpAddress> gateway();

 private:
  Uplink(std::string interface, int index, Netlink netlink)
      : interface_(std::move(interface)), index_(index), netlink_(std::move(netlink)) {}

  struct Link {
    bool is_there = false;
    bool is_up = false;
    bool is_running = false;  // has a carrier, and may be used
    std::uint32_t carrier_changes = 0;
  };
  Link link();
  struct DefaultRoute {
    bool through_us = false;
    std::optional<IpAddress> gateway;
  };
  DefaultRoute default_route(IpVersion version);
  std::string missing_route();

  std::string interface_;
  int index_;
  Netlink netlink_;
  std::uint32_t carrier_changes_ = 0;
  bool needs_running_ = false;
  std::array<bool, 2> needs_route_{};  // IPv4, IPv6
};

}  // namespace spiderling
