// Addresses as the kernel's calls want them.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>

#include "spiderling/address.h"

namespace spiderling {

constexpr int socket_family(IpVersion version) { return version == IpVersion::v6 ? AF_INET6 : AF_INET; }

/// A sockaddr_in or sockaddr_in6 with its size.
class SocketAddress {
 public:
  SocketAddress() = default;
  SocketAddress(const IpAddress& address, std::uint16_t port) {
    if (address.version == IpVersion::v6) {
      name_.v6.sin6_family = AF_INET6;
      name_.v6.sin6_port = htons(port);
      std::memcpy(&name_.v6.sin6_addr, address.bytes.data(), sizeof name_.v6.sin6_addr);
      size_ = sizeof name_.v6;
    } else {
      name_.v4.sin_family = AF_INET;
      name_.v4.sin_port = htons(port);
      std::memcpy(&name_.v4.sin_addr, address.bytes.data(), sizeof name_.v4.sin_addr);
      size_ = sizeof name_.v4;
    }
  }

  const sockaddr* get() const { return &name_.any; }
  socklen_t size() const { return size_; }
  /// For calls that fill it in.
  sockaddr* room() { return &name_.any; }
  socklen_t* room_size() { return &(size_ = sizeof name_); }

  IpAddress address() const {
    if (name_.any.sa_family == AF_INET6)
      return IpAddress::v6(reinterpret_cast<const std::uint8_t*>(&name_.v6.sin6_addr));
    return IpAddress::v4(reinterpret_cast<const std::uint8_t*>(&name_.v4.sin_addr));
  }
  std::uint16_t port() const {
    return ntohs(name_.any.sa_family == AF_INET6 ? name_.v6.sin6_port : name_.v4.sin_port);
  }

 private:
  union Name {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  Name name_{.v6 = {}};
  socklen_t size_ = sizeof(Name);
};

}  // namespace spiderling
