// Raw sockets that forged packets leave by.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "connect/socket_factory.h"
#include "spiderling/address.h"
#include "spiderling/connection.h"

namespace spiderling {

/// One raw socket serves all packets of a version, a mark and a setup, so that most cost no system call but
/// their own. They are kept, sixty-four at most; one that is replaced stays open for those who hold it.
///
/// Thread-safety: one thread.
class RawSockets {
 public:
  /// `sockets` outlives it.
  explicit RawSockets(SocketFactory& sockets) : sockets_(sockets) {}

  /// It takes whole packets (IPPROTO_RAW). Errors: as SocketFactory::open().
  Result<std::shared_ptr<const FileDescriptor>> take(IpVersion version, const SocketSetup& setup,
                                                     std::uint32_t mark);

 private:
  struct Known {
    IpVersion version;
    std::uint32_t mark;
    SocketSetup setup;
    std::shared_ptr<const FileDescriptor> socket;
  };

  SocketFactory& sockets_;
  std::vector<Known> known_;
  std::size_t oldest_ = 0;  // the next to be replaced when there are enough
};

}  // namespace spiderling
