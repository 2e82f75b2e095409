// A socket's own configuration, which touches no other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/file_descriptor.h"

namespace spiderling {

/// What a socket is given before it connects, so that it holds for the SYN already. What is not set stays as
/// the kernel has it.
struct SocketOptions {
  std::optional<std::uint32_t> mark;          ///< SO_MARK, needs CAP_NET_ADMIN: see packet_marks.h
  std::optional<std::uint8_t> traffic_class;  ///< IP_TOS, IPV6_TCLASS: DSCP in the upper six bits; RFC 2474
  /// TCP_MAXSEG, which is also what the SYN offers; bytes, 88 to 32767.
  std::optional<std::uint16_t> maximum_segment;
  bool non_blocking = true;
};

/// The traffic class of a DSCP (RFC 2474, section 3), 0 to 63; the two bits of ECN are the kernel's.
constexpr std::uint8_t traffic_class_of(std::uint8_t dscp) { return static_cast<std::uint8_t>(dscp << 2); }

/// `domain` is AF_INET or AF_INET6. Errors name the option, and the capability that is missing if it is one.
Result<void> set_up_socket(int socket, int domain, const SocketOptions& setup);

/// A new socket that lives in another network namespace, `NAME` of `ip netns` or a path to one;
/// close-on-exec. The calling thread goes there for it and comes back; if it could not, the program would
/// end. Needs CAP_SYS_ADMIN.
Result<FileDescriptor> open_socket_in_namespace(const std::string& network, int domain, int type,
                                                int protocol);

}  // namespace spiderling
