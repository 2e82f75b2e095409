// The kernel's messages about routes and rules (rtnetlink(7)): bytes to values and back, no socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "host/host.h"

struct nlmsghdr;

namespace spiderling {

/// What an RTM_NEWROUTE says; nothing for what is no route of a table: a cached one, an unknown family, a
/// message that ends too soon. `Route::message` is a copy of the message.
std::optional<Route> parse_route(const nlmsghdr* message);

/// What an RTM_NEWRULE says.
std::optional<PolicyRule> parse_rule(const nlmsghdr* message);

/// A request to make (RTM_NEWROUTE) the route of `message` in another table, of our protocol, with `features
/// ecn`.
std::vector<std::byte> ecn_copy_request(const Route& route, std::uint32_t table);
/// A request to make the default route of a table, of our protocol, into the device of this index.
std::vector<std::byte> device_route_request(Family family, std::uint32_t device, std::uint32_t table);
/// A request to remove (RTM_DELROUTE) the route as it is.
std::vector<std::byte> removal_request(const Route& route);
/// RTM_NEWRULE or RTM_DELRULE.
std::vector<std::byte> rule_request(const PolicyRule& rule, std::uint16_t type, std::uint16_t flags);

}  // namespace spiderling
