#include "host/socket_setup.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "host/namespaces.h"

namespace spiderling {
namespace {

Result<void> set(int socket, int level, int option, int value, const char* name) {
  if (::setsockopt(socket, level, option, &value, sizeof value) == 0) return {};
  if (errno == EPERM) return error("cannot set {} of a socket: CAP_NET_ADMIN is missing", name);
  return error("cannot set {} of a socket to {}: {}", name, value, std::strerror(errno));
}

Result<void> set_traffic_class(int socket, int domain, int value) {
  if (domain == AF_INET) return set(socket, IPPROTO_IP, IP_TOS, value, "IP_TOS");
  if (domain == AF_INET6) return set(socket, IPPROTO_IPV6, IPV6_TCLASS, value, "IPV6_TCLASS");
  return error("a socket of address family {} has no traffic class", domain);
}

Result<void> make_non_blocking(int socket) {
  const int flags = ::fcntl(socket, F_GETFL);
  if (flags >= 0 && ::fcntl(socket, F_SETFL, flags | O_NONBLOCK) == 0) return {};
  return error("cannot make a socket non-blocking: {}", std::strerror(errno));
}

std::string path_of(const std::string& network) {
  return network.find('/') == std::string::npos ? "/run/netns/" + network : network;
}

}  // namespace

Result<void> set_up_socket(int socket, int domain, const SocketOptions& setup) {
  Result<void> done;
  if (setup.mark) done = set(socket, SOL_SOCKET, SO_MARK, static_cast<int>(*setup.mark), "SO_MARK");
  if (done && setup.traffic_class) done = set_traffic_class(socket, domain, *setup.traffic_class);
  if (done && setup.maximum_segment)
    done = set(socket, IPPROTO_TCP, TCP_MAXSEG, *setup.maximum_segment, "TCP_MAXSEG");
  if (done && setup.non_blocking) done = make_non_blocking(socket);
  return done;
}

Result<FileDescriptor> open_socket_in_namespace(const std::string& network, int domain, int type,
                                                int protocol) {
  const auto there = NetworkNamespace::open(path_of(network));
  if (!there) return tl::unexpected(there.error());
  const auto inside = InNamespace::enter(*there);
  if (!inside) return tl::unexpected(inside.error());
  FileDescriptor socket(::socket(domain, type | SOCK_CLOEXEC, protocol));
  if (!socket)
    return error("cannot open a socket in network namespace {}: {}", network, std::strerror(errno));
  return socket;
}

}  // namespace spiderling
