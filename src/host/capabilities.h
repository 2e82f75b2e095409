// What this process may do, and what it cannot do without.
#pragma once

#include <initializer_list>
#include <string>

#include "base/error.h"

namespace spiderling {

/// Parts of root's power (capabilities(7)) that measurements need.
enum class Capability {
  net_raw,           ///< CAP_NET_RAW: to see packets, to forge them
  net_admin,         ///< CAP_NET_ADMIN: to mark sockets; nft, routes, net.* settings
  sys_admin,         ///< CAP_SYS_ADMIN: network namespaces
  net_bind_service,  ///< CAP_NET_BIND_SERVICE: local ports below 1024
};

/// `CAP_NET_RAW` and so on.
const char* name_of(Capability capability);

/// Whether the calling thread has it now.
bool has_capability(Capability capability);

/// Nothing, or one line for each that is missing: what it is for, and what still works without it.
/// `purpose` begins the message: "cannot measure ecn".
Result<void> need_capabilities(const std::string& purpose, std::initializer_list<Capability> needed);

}  // namespace spiderling
