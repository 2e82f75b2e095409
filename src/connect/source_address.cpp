#include "connect/source_address.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include <fmt/format.h>

#include "connect/socket_address.h"

namespace spiderling {
namespace {

constexpr std::size_t max_probes = 64;
constexpr std::uint16_t any_port = 9;  // discard; nothing is ever sent

// What of a setup the kernel looks at when it chooses a route. The mark, too.
SocketSetup what_routes(const SocketSetup& setup) {
  SocketSetup routed;
  routed.dscp = setup.dscp;
  routed.network_namespace = setup.network_namespace;
  return routed;
}

Outcome no_route(const IpAddress& destination, int number) {
  if (destination.version == IpVersion::v6 && (number == EADDRNOTAVAIL || number == EAFNOSUPPORT))
    return Outcome::skipped("no IPv6 address on this machine");
  return Outcome::skipped(
      fmt::format("no route to {} from this machine: {}", destination.to_string(), std::strerror(number)));
}

// A kernel without IPv6 has no such sockets at all.
Outcome no_socket(IpVersion version, const Error& error) {
  if (version == IpVersion::v6 && ::access("/proc/net/if_inet6", F_OK) != 0)
    return Outcome::skipped("no IPv6 on this machine");
  return Outcome::discard(error.message);
}

bool is_about_the_route(int number) {
  switch (number) {
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EACCES:  // a route that prohibits, or a broadcast address
    case EINVAL:  // a route that is a black hole, or a link-local address without its interface
      return true;
    default: return false;
  }
}

// Connections to these do not go to the address that they name, so nobody could tell them by it.
const char* why_no_destination(const IpAddress& address) {
  const auto zeros = [&](std::size_t count) {
    return std::all_of(address.bytes.begin(), address.bytes.begin() + static_cast<std::ptrdiff_t>(count),
                       [](std::uint8_t byte) { return byte == 0; });
  };
  if (address.version == IpVersion::none) return "no address to connect to";
  if (zeros(16)) return "the unspecified address is no destination";
  if (address.version == IpVersion::v6 && zeros(10) && address.bytes[10] == 0xff && address.bytes[11] == 0xff)
    return "an IPv4 address written as an IPv6 address is no destination: write it as IPv4";
  return nullptr;
}

// RFC 6890: 127.0.0.0/8 and ::1.
bool is_loopback(const IpAddress& address) {
  if (address.version == IpVersion::v4) return address.bytes[0] == 127;
  const auto last = address.bytes.end() - 1;
  return *last == 1 && std::all_of(address.bytes.begin(), last, [](std::uint8_t byte) { return byte == 0; });
}

const char* version_name(const IpAddress& address) {
  return address.version == IpVersion::v4 ? "IPv4" : "IPv6";
}

// A connected socket keeps its address for the next destination: it is disconnected first.
int connect_anew(int socket, const SocketAddress& destination) {
  sockaddr nobody{};
  nobody.sa_family = AF_UNSPEC;
  if (::connect(socket, &nobody, sizeof nobody) != 0 && errno != EAFNOSUPPORT) return errno;
  return ::connect(socket, destination.get(), destination.size()) == 0 ? 0 : errno;
}

}  // namespace

tl::expected<IpAddress, Outcome> SourceAddress::towards(const IpAddress& destination,
                                                        const SocketSetup& setup, std::uint32_t mark) {
  if (const char* why = why_no_destination(destination)) return tl::unexpected(Outcome::skipped(why));
  const auto socket = probe(destination.version, setup, mark);
  if (!socket) return tl::unexpected(socket.error());
  if (const int number = connect_anew(*socket, SocketAddress(destination, any_port)); number != 0) {
    return tl::unexpected(is_about_the_route(number) ? no_route(destination, number)
                                                     : outcome_of_errno(number, "cannot look for a route"));
  }
  SocketAddress local;
  if (::getsockname(*socket, local.room(), local.room_size()) != 0)
    return tl::unexpected(outcome_of_errno(errno, "cannot tell the local address"));
  IpAddress source = local.address();
  if (is_loopback(source) && !is_loopback(destination)) {
    // Where no interface has an address of the family the kernel takes that of lo, which nobody can answer
    // to.
    return tl::unexpected(Outcome::skipped(
        fmt::format("no address of this host to reach it from: {} is not on any interface but lo",
                    version_name(source))));
  }
  return source;
}

tl::expected<int, Outcome> SourceAddress::probe(IpVersion version, const SocketSetup& setup,
                                                std::uint32_t mark) {
  for (const Probe& known : probes_) {
    if (known.version == version && known.mark == mark && known.setup.dscp == setup.dscp &&
        known.setup.network_namespace == setup.network_namespace)
      return known.socket.get();
  }
  const SocketSetup routed = what_routes(setup);
  auto socket = sockets_.open(routed, mark, socket_family(version), SOCK_DGRAM);
  if (!socket) return tl::unexpected(no_socket(version, socket.error()));
  Probe fresh{version, mark, routed, std::move(*socket)};
  const int number = fresh.socket.get();
  if (probes_.size() < max_probes) {
    probes_.push_back(std::move(fresh));
  } else {
    probes_[oldest_] = std::move(fresh);
    oldest_ = (oldest_ + 1) % max_probes;
  }
  return number;
}

}  // namespace spiderling
