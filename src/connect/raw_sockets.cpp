#include "connect/raw_sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <utility>

#include "connect/socket_address.h"

namespace spiderling {

namespace {

constexpr std::size_t most_kept = 64;

}  // namespace

Result<std::shared_ptr<const FileDescriptor>> RawSockets::take(IpVersion version, const SocketSetup& setup,
                                                               std::uint32_t mark) {
  for (const Known& one : known_)
    if (one.version == version && one.mark == mark && one.setup == setup) return one.socket;
  auto opened = sockets_.open(setup, mark, socket_family(version), SOCK_RAW, IPPROTO_RAW);
  if (!opened) return tl::unexpected(opened.error());
  Known fresh{version, mark, setup, std::make_shared<const FileDescriptor>(std::move(*opened))};
  std::shared_ptr<const FileDescriptor> socket = fresh.socket;
  if (known_.size() < most_kept) {
    known_.push_back(std::move(fresh));
  } else {
    known_[oldest_] = std::move(fresh);
    oldest_ = (oldest_ + 1) % most_kept;
  }
  return socket;
}

}  // namespace spiderling
