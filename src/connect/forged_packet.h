// One packet of a measurement's own making, sent as it is.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/file_descriptor.h"
#include "connect/connect_context.h"
#include "connect/local_port.h"
#include "connect/outcome.h"
#include "spiderling/bytes.h"
#include "spiderling/headers/ip.h"

namespace spiderling {

/// reserve(), load(), send(), and then the local port is held until this ends. Destroyed at any point it
/// leaves nothing behind.
///
/// The local port is bound by a socket of the protocol, so that the kernel gives it to nobody else. For UDP
/// it is also connected: answers end there, unread, and cause no ICMP error. For TCP the kernel knows of no
/// connection, and answers a SYN/ACK with a RST, unless rules for the socket's mark hold that back (see
/// MarkedChange::forges_tcp).
///
/// What leaves is what was loaded: bits that are reserved, checksums of the transport, the IPv6 flow label.
/// Only what every raw socket of Linux does is done (raw(7)): the checksum of an IPv4 header is filled in,
/// and so is an identification of 0. The socket's mark counts; a DSCP of the setup only chooses the route,
/// since the header has its own.
///
/// Thread-safety: that of the ConnectContext, one thread.
///
///     ForgedPacket packet(shared);
///     if (Outcome ready = packet.reserve(target, 53, IpProtocol::udp, setup, mark); !ready.ok()) return
///     ready; if (Outcome loaded = packet.load(bytes_for(packet.ends())); !loaded.ok()) return loaded;
///     watch.expect(flow_of(packet.ends()));
///     const std::optional<Outcome> sent = packet.send();
class ForgedPacket {
 public:
  explicit ForgedPacket(std::shared_ptr<ConnectContext> shared) : shared_(std::move(shared)) {}

  /// Our address, and a local port of the protocol, TCP or UDP. Not ok: skipped (no address or route of the
  /// family) or discard.
  Outcome reserve(const IpAddress& address, std::uint16_t port, IpProtocol protocol, const SocketSetup& setup,
                  std::uint32_t mark);
  /// Set by reserve().
  const ConnectionEnds& ends() const { return ends_; }

  /// What is to be sent. Not ok: discard, since it is not a packet from and to these ends (check_forged()).
  Outcome load(std::vector<std::uint8_t> bytes);
  /// Nothing: there is no room at the moment, to be tried again.
  std::optional<Outcome> send();

  PortLease take_lease() { return std::move(lease_); }

 private:
  Outcome hold_port(const SocketSetup& setup, std::uint32_t mark);

  std::shared_ptr<ConnectContext> shared_;
  ConnectionEnds ends_;
  IpProtocol protocol_ = IpProtocol::udp;
  PortLease lease_;
  FileDescriptor holder_;                      // of the local port
  std::shared_ptr<const FileDescriptor> raw_;  // until the packet has left
  std::vector<std::uint8_t> bytes_;
};

}  // namespace spiderling
