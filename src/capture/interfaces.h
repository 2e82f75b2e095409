// The network interfaces of this machine (of the network namespace of the calling thread).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace spiderling {

/// The name that stands for all interfaces.
inline constexpr std::string_view every_interface = "all";

/// The interface that the default route goes through, IPv4's before IPv6's, the one of the lowest metric. An
/// error if there is no default route.
Result<std::string> default_interface();

bool interface_exists(const std::string& name);
/// "eth0, lo": for messages. "none" without any.
std::string interface_names();

// What default_interface() reads, as /proc/net/route and /proc/net/ipv6_route have it; empty without a
// default route.
std::string default_interface_v4(std::string_view routes);
std::string default_interface_v6(std::string_view routes);

}  // namespace spiderling
