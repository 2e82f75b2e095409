#include "connect/socket_factory.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <optional>

namespace spiderling {
namespace {

constexpr std::size_t max_networks = 64;

Result<void> set(const FileDescriptor& socket, int level, int option, int value, const char* name) {
  if (::setsockopt(socket.get(), level, option, &value, sizeof value) == 0) return {};
  if (errno == EPERM) return error("cannot set {} of a socket: CAP_NET_ADMIN is missing", name);
  return error("cannot set {} of a socket to {}: {}", name, value, std::strerror(errno));
}

Result<void> set_dscp(const FileDescriptor& socket, int family, std::uint8_t dscp) {
  if (dscp > 63) return error("a DSCP is a number from 0 to 63, not {}", dscp);
  const int value = dscp << 2;  // the two bits of ECN are the kernel's
  if (family == AF_INET6) return set(socket, IPPROTO_IPV6, IPV6_TCLASS, value, "IPV6_TCLASS");
  return set(socket, IPPROTO_IP, IP_TOS, value, "IP_TOS");
}

Result<FileDescriptor> open_socket(int family, int type, int protocol) {
  FileDescriptor socket(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  if (!socket && errno == EPERM && type == SOCK_RAW)
    return error("cannot open a raw socket: CAP_NET_RAW is missing");
  if (!socket) return error("cannot open a socket: {}", std::strerror(errno));
  return socket;
}

}  // namespace

Result<FileDescriptor> SocketFactory::open(const SocketSetup& setup, std::uint32_t mark, int family, int type,
                                           int protocol) {
  auto socket = setup.network_namespace.empty()
                    ? open_socket(family, type, protocol)
                    : open_in_namespace(setup.network_namespace, family, type, protocol);
  if (!socket) return socket;
  Result<void> done;
  if (mark != 0) done = set(*socket, SOL_SOCKET, SO_MARK, static_cast<int>(mark), "SO_MARK");
  if (done && setup.dscp) done = set_dscp(*socket, family, *setup.dscp);
  if (done && setup.mss && type == SOCK_STREAM)
    done = set(*socket, IPPROTO_TCP, TCP_MAXSEG, *setup.mss, "TCP_MAXSEG");
  if (done && setup.fast_open != FastOpen::unused && type == SOCK_STREAM)
    done = set(*socket, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1, "TCP_FASTOPEN_CONNECT");
  if (!done) return tl::unexpected(done.error());
  return socket;
}

Result<FileDescriptor> SocketFactory::open_in_namespace(const std::string& name, int family, int type,
                                                        int protocol) {
  const auto there = network(name);
  if (!there) return tl::unexpected(there.error());
  const auto inside = InNamespace::enter(**there);
  if (!inside) return tl::unexpected(inside.error());
  return open_socket(family, type, protocol);
}

Result<void> SocketFactory::forget_peer(const SocketSetup& setup, const IpAddress& target,
                                        const IpAddress& source) {
  const auto kept = metrics(setup.network_namespace);
  if (!kept) return tl::unexpected(kept.error());
  return (*kept)->forget(target, source);
}

// Of each network as many as namespaces are held open: bounded by those.
Result<TcpMetrics*> SocketFactory::metrics(const std::string& network_name) {
  for (auto& [name, there] : metrics_)
    if (name == network_name) return &there;
  std::optional<InNamespace> inside;
  if (!network_name.empty()) {
    const auto there = network(network_name);
    if (!there) return tl::unexpected(there.error());
    auto entered = InNamespace::enter(**there);
    if (!entered) return tl::unexpected(entered.error());
    inside.emplace(std::move(*entered));
  }
  auto opened = TcpMetrics::open();
  if (!opened) return tl::unexpected(opened.error());
  metrics_.emplace_back(network_name, std::move(*opened));
  return &metrics_.back().second;
}

Result<const NetworkNamespace*> SocketFactory::network(const std::string& name) {
  for (const auto& [known, there] : networks_)
    if (known == name) return &there;
  if (networks_.size() >= max_networks) return error("more than {} network namespaces", max_networks);
  auto opened = NetworkNamespace::open(name.find('/') == std::string::npos ? "/run/netns/" + name : name);
  if (!opened) return tl::unexpected(opened.error());
  networks_.emplace_back(name, std::move(*opened));
  return &networks_.back().second;
}

}  // namespace spiderling
