#include "campaign/echo_probe.h"

#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "connect/socket_address.h"
#include "wire/checksum.h"

namespace spiderling {

namespace {

constexpr std::size_t header_size = 8;
constexpr std::size_t request_size = 32;
constexpr std::size_t most_answers = 64;  // read at a time

// Nothing but echo replies is handed to the socket, whatever comes to this host.
void filter_answers(int socket, IpVersion version) {
  if (version == IpVersion::v4) {
    icmp_filter filter{~(1u << ICMP_ECHOREPLY)};
    ::setsockopt(socket, SOL_RAW, ICMP_FILTER, &filter, sizeof filter);
  } else {
    icmp6_filter filter{};
    std::memset(&filter, 0xff, sizeof filter);
    filter.icmp6_filt[ICMP6_ECHO_REPLY >> 5] &= ~(1u << (ICMP6_ECHO_REPLY & 31));
    ::setsockopt(socket, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
  }
}

void store16(std::uint8_t* at, std::uint16_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value & 0xff);
}
std::uint16_t load16(const std::uint8_t* at) { return static_cast<std::uint16_t>(at[0] << 8 | at[1]); }

}  // namespace

Result<EchoProbe> EchoProbe::open(const IpAddress& target) {
  const int protocol = target.version == IpVersion::v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
  FileDescriptor socket(
      ::socket(socket_family(target.version), SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
  if (!socket) return error("cannot probe {}: {}", target.to_string(), std::strerror(errno));
  filter_answers(socket.get(), target.version);
  std::uint16_t id = 0;
  if (::getrandom(&id, sizeof id, 0) != sizeof id)
    return error("cannot probe {}: {}", target.to_string(), std::strerror(errno));
  return EchoProbe(target, std::move(socket), id);
}

void EchoProbe::look(Timestamp now) {
  if (last_good_ == Timestamp{}) last_good_ = now;
  read_answers();
  if (now - last_asked_ >= every || now < last_asked_) ask(now);
}

// What cannot be sent is not answered either.
void EchoProbe::ask(Timestamp now) {
  std::array<std::uint8_t, request_size> request{};
  request[0] = target_.version == IpVersion::v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
  store16(&request[4], id_);
  store16(&request[6], ++sequence_);
  // That of ICMPv6 is the kernel's work (RFC 3542, section 3.1).
  if (target_.version == IpVersion::v4) store16(&request[2], internet_checksum(request));
  const SocketAddress to(target_, 0);
  ::sendto(socket_.get(), request.data(), request.size(), 0, to.get(), to.size());
  last_asked_ = now;
  asked_[sequence_ % asked_.size()] = now;
}

void EchoProbe::read_answers() {
  for (std::size_t i = 0; i < most_answers; ++i) {
    std::array<std::uint8_t, 128> room;
    SocketAddress from;
    const ssize_t got =
        ::recvfrom(socket_.get(), room.data(), room.size(), MSG_TRUNC, from.room(), from.room_size());
    if (got < 0) return;
    const std::size_t size = std::min(static_cast<std::size_t>(got), room.size());
    if (!(from.address() == target_)) continue;
    // An IPv4 socket gives the IP header, too.
    const std::size_t before = target_.version == IpVersion::v4 ? (room[0] & 0x0fu) * 4u : 0;
    if (size >= before + header_size) take_answer(room.data() + before, size - before);
  }
}

void EchoProbe::take_answer(const std::uint8_t* message, std::size_t size) {
  const std::uint8_t wanted = target_.version == IpVersion::v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
  if (size < header_size || message[0] != wanted || load16(message + 4) != id_) return;
  const std::uint16_t behind = static_cast<std::uint16_t>(sequence_ - load16(message + 6));
  if (behind >= asked_.size()) return;  // an old one, or one that was never sent
  last_good_ = std::max(last_good_, asked_[load16(message + 6) % asked_.size()]);
}

}  // namespace spiderling
