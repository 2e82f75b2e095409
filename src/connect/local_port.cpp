#include "connect/local_port.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "connect/socket_address.h"

namespace spiderling {

namespace {

constexpr int bind_attempts = 32;

}  // namespace

// A port of ours may be another program's, bound to this very address.
tl::expected<PortLease, Outcome> bind_local_port(int socket, PortAllocator& ports, ConnectionEnds& ends) {
  const int yes = 1;
  if (::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0)
    return tl::unexpected(outcome_of_errno(errno, "cannot share a port"));
  for (int attempt = 0; attempt < bind_attempts; ++attempt) {
    auto lease = ports.take(ends.dip, ends.dp);
    if (!lease) return tl::unexpected(Outcome::discard(lease.error().message));
    const SocketAddress local(ends.sip, lease->port());
    if (::bind(socket, local.get(), local.size()) == 0) {
      ends.sp = lease->port();
      return std::move(*lease);
    }
    if (errno != EADDRINUSE) return tl::unexpected(outcome_of_errno(errno, "cannot take a local port"));
  }
  return tl::unexpected(Outcome::discard("other programs hold the local ports that we would use"));
}

}  // namespace spiderling
