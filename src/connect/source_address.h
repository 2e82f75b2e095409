// Which of this machine's addresses a connection leaves from, before it does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/file_descriptor.h"
#include "connect/outcome.h"
#include "connect/socket_factory.h"
#include "spiderling/connection.h"

namespace spiderling {

/// Asks the kernel which local address it would use towards a destination. It is asked with a UDP socket that
/// is connected and never sends: rules and routes are those of the connection to come, its mark, its DSCP and
/// its network namespace included. Answers are not kept, since routes change: asking is three system calls.
///
/// Sockets are kept, one for each family and kind of connection, sixty-four at most.
///
/// Thread-safety: one thread.
class SourceAddress {
 public:
  /// `sockets` outlives it.
  explicit SourceAddress(SocketFactory& sockets) : sockets_(sockets) {}

  /// If there is none: skipped, where this machine has no address of that family or no route; discard, where
  /// something of ours failed.
  tl::expected<IpAddress, Outcome> towards(const IpAddress& destination, const SocketSetup& setup,
                                           std::uint32_t mark);

 private:
  struct Probe {
    IpVersion version;
    std::uint32_t mark;
    SocketSetup setup;
    FileDescriptor socket;
  };

  tl::expected<int, Outcome> probe(IpVersion version, const SocketSetup& setup, std::uint32_t mark);

  SocketFactory& sockets_;
  std::vector<Probe> probes_;
  std::size_t oldest_ = 0;  // the next to be replaced when there are enough
};

}  // namespace spiderling
