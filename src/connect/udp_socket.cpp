#include "connect/udp_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "connect/socket_address.h"

namespace spiderling {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using namespace std::chrono_literals;

namespace {

constexpr auto queue_pause = 1ms;  // before an interface that had no room is tried again

// ip(7): else the kernel keeps most ICMP errors, host unreachable among them, to itself.
bool ask_for_icmp_errors(int socket, IpVersion version) {
  const int yes = 1;
  if (version == IpVersion::v6)
    return ::setsockopt(socket, IPPROTO_IPV6, IPV6_RECVERR, &yes, sizeof yes) == 0;
  return ::setsockopt(socket, IPPROTO_IP, IP_RECVERR, &yes, sizeof yes) == 0;
}

bool has_no_room(int number) { return number == EAGAIN || number == ENOBUFS || number == EINTR; }

}  // namespace

UdpSocket::UdpSocket(std::shared_ptr<ConnectContext> shared)
    : shared_(std::move(shared)), socket_(shared_->io), watch_(shared_->deadlines, *this) {}

// --- before the first datagram

Outcome UdpSocket::prepare(const IpAddress& address, std::uint16_t port, const SocketSetup& setup,
                           std::uint32_t mark) {
  close();
  if (port == 0) return Outcome::skipped("port 0 is no port");
  ends_ = {{}, address, 0, port};
  const auto source = shared_->sources.towards(address, setup, mark);
  if (!source) return source.error();
  auto opened = shared_->sockets.open(setup, mark, socket_family(address.version), SOCK_DGRAM);
  if (!opened) return Outcome::discard(opened.error().message);
  fd_ = std::move(*opened);
  Outcome connected = connect_to_peer(*source);
  if (!connected.ok()) close();
  return connected;
}

Outcome UdpSocket::connect_to_peer(const IpAddress& source) {
  ConnectionEnds ends = ends_;
  ends.sip = source;
  auto lease = bind_local_port(fd_.get(), shared_->ports, ends);
  if (!lease) return std::move(lease.error());
  const SocketAddress peer(ends.dip, ends.dp);
  if (!ask_for_icmp_errors(fd_.get(), ends.dip.version) || ::connect(fd_.get(), peer.get(), peer.size()) != 0)
    return outcome_of_errno(errno, "cannot set up a UDP socket");
  ends_ = ends;
  lease_ = std::move(*lease);
  return {};
}

// --- datagrams

asio::awaitable<Outcome> UdpSocket::send(Bytes datagram, Deadline deadline) {
  while (is_open()) {
    if (::send(descriptor(), datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
      co_return Outcome{};
    if (!has_no_room(errno)) co_return outcome_of_errno(errno, "cannot send");
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) co_return Outcome::discard("the interface had no room for the datagram in time");
    asio::steady_timer pause(shared_->io, std::min(deadline, now + queue_pause));
    ErrorCode ignored;
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_return Outcome::discard("not prepared");
}

// It is waited for each, so that a peer that sends as fast as it is read from leaves the others their turn.
asio::awaitable<Received> UdpSocket::receive(Deadline deadline) {
  for (;;) {
    if (Outcome ready = co_await wait(deadline); !ready.ok()) {
      Received nothing;
      nothing.outcome = std::move(ready);
      co_return nothing;
    }
    const std::span<char> room = scratch();
    const ssize_t got = ::recv(descriptor(), room.data(), room.size(), MSG_DONTWAIT);
    Received received;
    if (got >= 0) {
      received.bytes.assign(room.data(), static_cast<std::size_t>(got));
      co_return received;
    }
    if (errno == EAGAIN || errno == EINTR) continue;  // its checksum was wrong
    received.outcome = outcome_of_errno(errno, "cannot receive");
    co_return received;
  }
}

void UdpSocket::Watch::on_deadline() {
  owner_.timed_out_ = true;
  ErrorCode ignored;
  if (owner_.socket_.is_open()) owner_.socket_.cancel(ignored);
}

asio::awaitable<Outcome> UdpSocket::wait(Deadline deadline) {
  if (Outcome adopted = adopt(); !adopted.ok()) co_return adopted;
  if (deadline <= std::chrono::steady_clock::now()) co_return Outcome::timeout("no answer in time");
  ErrorCode problem;
  timed_out_ = false;
  watch_.set(deadline);
  co_await socket_.async_wait(Socket::wait_read, asio::redirect_error(asio::use_awaitable, problem));
  watch_.clear();
  if (!problem) co_return Outcome{};
  co_return timed_out_ ? Outcome::timeout("no answer in time") : Outcome::discard("given up");
}

// Asio is told of the socket only when there is something to wait for.
Outcome UdpSocket::adopt() {
  if (socket_.is_open()) return {};
  if (!fd_) return Outcome::discard("not prepared");
  const auto protocol = ends_.dip.version == IpVersion::v6 ? asio::ip::udp::v6() : asio::ip::udp::v4();
  ErrorCode problem;
  socket_.assign(protocol, fd_.get(), problem);
  if (problem) return outcome_of_errno(problem.value(), "cannot watch a socket");
  fd_.release();
  return {};
}

// --- the end

void UdpSocket::close() {
  watch_.clear();
  fd_ = FileDescriptor();
  ErrorCode ignored;
  if (socket_.is_open()) socket_.close(ignored);
  lease_.give_back();
}

}  // namespace spiderling
