#include "connect/forged_packet.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "connect/forged_check.h"
#include "connect/socket_address.h"

namespace spiderling {

namespace {

Outcome outcome_of_sending(int number, std::size_t size) {
  switch (number) {
    case EMSGSIZE:
      return Outcome::discard(fmt::format("a packet of {} bytes is longer than the interface takes", size));
    case EACCES: return Outcome::discard("cannot send to a broadcast address");
    default: return outcome_of_errno(number, "cannot send");
  }
}

}  // namespace

Outcome ForgedPacket::reserve(const IpAddress& address, std::uint16_t port, IpProtocol protocol,
                              const SocketSetup& setup, std::uint32_t mark) {
  if (protocol != IpProtocol::tcp && protocol != IpProtocol::udp)
    return Outcome::discard("only packets of TCP and UDP can be forged");
  if (port == 0) return Outcome::skipped("port 0 is no destination");
  ends_ = {{}, address, 0, port};
  protocol_ = protocol;
  const auto source = shared_->sources.towards(address, setup, mark);
  if (!source) return source.error();
  ends_.sip = *source;
  auto raw = shared_->raw.take(address.version, setup, mark);
  if (!raw) return Outcome::discard(raw.error().message);
  raw_ = std::move(*raw);
  return hold_port(setup, mark);
}

// Answers are the observer's to see: the kernel keeps as few of them as it can.
Outcome ForgedPacket::hold_port(const SocketSetup& setup, std::uint32_t mark) {
  const bool udp = protocol_ == IpProtocol::udp;
  auto holder =
      shared_->sockets.open(setup, mark, socket_family(ends_.dip.version), udp ? SOCK_DGRAM : SOCK_STREAM);
  if (!holder) return Outcome::discard(holder.error().message);
  holder_ = std::move(*holder);
  auto lease = bind_local_port(holder_.get(), shared_->ports, ends_);
  if (!lease) return std::move(lease.error());
  lease_ = std::move(*lease);
  if (!udp) return {};
  const int least = 1;
  ::setsockopt(holder_.get(), SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
  const SocketAddress target(ends_.dip, ends_.dp);
  if (::connect(holder_.get(), target.get(), target.size()) != 0) return outcome_of_sending(errno, 0);
  return {};
}

Outcome ForgedPacket::load(std::vector<std::uint8_t> bytes) {
  if (const auto checked = check_forged(bytes, ends_, protocol_); !checked)
    return Outcome::discard("the forged packet is refused: " + checked.error().message);
  bytes_ = std::move(bytes);
  return {};
}

// An IPv6 raw socket takes a port for a protocol: 0, since the packet says its own.
std::optional<Outcome> ForgedPacket::send() {
  if (!raw_ || bytes_.empty()) return Outcome::discard("no packet is loaded");
  const SocketAddress target(ends_.dip, 0);
  if (::sendto(raw_->get(), bytes_.data(), bytes_.size(), 0, target.get(), target.size()) < 0) {
    if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) return std::nullopt;
    return outcome_of_sending(errno, bytes_.size());
  }
  raw_.reset();
  return Outcome{};
}

}  // namespace spiderling
