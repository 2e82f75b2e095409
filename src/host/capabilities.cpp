#include "host/capabilities.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/capability_numbers.h"

namespace spiderling {
namespace {

const char* what_for(Capability capability) {
  switch (capability) {
    case Capability::net_raw:
      return "to see packets and to forge them; without it trace files can still be read";
    case Capability::net_admin:
      return "to change the packets of single sockets and settings of the host; without it connections can "
             "still be "
             "made and observed as the host is configured";
    case Capability::sys_admin:
      return "to make and enter network namespaces; without it everything else still works in this one";
    case Capability::net_bind_service:
      return "to use local ports below 1024; without it all others can still be used";
  }
  return "";
}

}  // namespace

unsigned number_of(Capability capability) {
  switch (capability) {
    case Capability::net_raw: return CAP_NET_RAW;
    case Capability::net_admin: return CAP_NET_ADMIN;
    case Capability::sys_admin: return CAP_SYS_ADMIN;
    case Capability::net_bind_service: return CAP_NET_BIND_SERVICE;
  }
  return CAP_LAST_CAP;
}

const char* name_of(Capability capability) {
  switch (capability) {
    case Capability::net_raw: return "CAP_NET_RAW";
    case Capability::net_admin: return "CAP_NET_ADMIN";
    case Capability::sys_admin: return "CAP_SYS_ADMIN";
    case Capability::net_bind_service: return "CAP_NET_BIND_SERVICE";
  }
  return "?";
}

bool has_capability(Capability capability) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, sets) != 0) return false;
  const unsigned number = number_of(capability);
  return (sets[number / 32].effective & (1U << (number % 32))) != 0;
}

Result<void> need_capabilities(const std::string& purpose, std::initializer_list<Capability> needed) {
  std::string missing;
  for (const Capability capability : needed) {
    if (has_capability(capability)) continue;
    missing += fmt::format("{}{} is missing, {}", missing.empty() ? "" : "\n", name_of(capability),
                           what_for(capability));
  }
  if (missing.empty()) return {};
  return error("{}: {}{}", purpose, missing, "; run it as root, with sudo");
}

}  // namespace spiderling
