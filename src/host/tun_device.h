// A network device whose other end is this program (TUN): what is routed into it is read here, whole packets
// from the first byte of their IP header.
#pragma once

#include <string>

#include "base/error.h"
#include "base/file_descriptor.h"

namespace spiderling {

struct TunDevice {
  FileDescriptor descriptor;  ///< non-blocking, closed on exec
  std::string name;
};

/// Opens the device of this name in the network namespace of the calling thread, and makes it if there is
/// none; one that was made goes away when it is closed, be it by kill -9. A %d in the name becomes a number
/// that is free. Errors: no /dev/net/tun, no CAP_NET_ADMIN.
Result<TunDevice> open_tun_device(const std::string& name);

/// Switches it on. `queue`: packets that wait to be read; when there are more, they are lost.
Result<void> bring_up(const TunDevice& device, int queue);

}  // namespace spiderling
