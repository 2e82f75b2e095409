// Sockets as a measurement wants them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "host/namespaces.h"
#include "host/tcp_metrics.h"
#include "spiderling/connection.h"

namespace spiderling {

/// Opens sockets that are set up before anything leaves them. Network namespaces that were named are held
/// open, so that a socket in one costs no look-up; sixty-four at most.
///
/// Thread-safety: one thread, which goes to the namespace and comes back.
class SocketFactory {
 public:
  /// `family` is AF_INET or AF_INET6, `type` SOCK_STREAM, or SOCK_DGRAM or SOCK_RAW (then without the MSS);
  /// `protocol` is that of a raw socket. Non-blocking, closed on exec. What the setup asks for as ECN is not
  /// the socket's but that of rules and routes for `mark`; 0: no mark. Errors name the capability that is
  /// missing, if it is that.
  Result<FileDescriptor> open(const SocketSetup& setup, std::uint32_t mark, int family, int type,
                              int protocol = 0);

  /// What the kernel has kept about connections between these two, in the setup's network, is forgotten: a
  /// cookie of TCP Fast Open, for one.
  Result<void> forget_peer(const SocketSetup& setup, const IpAddress& target, const IpAddress& source);

 private:
  Result<FileDescriptor> open_in_namespace(const std::string& name, int family, int type, int protocol);
  Result<const NetworkNamespace*> network(const std::string& name);

  Result<TcpMetrics*> metrics(const std::string& network_name);

  std::vector<std::pair<std::string, NetworkNamespace>> networks_;
  std::vector<std::pair<std::string, TcpMetrics>> metrics_;
};

}  // namespace spiderling
