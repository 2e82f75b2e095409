#include "connect/tcp_connection.h"

#include <sys/socket.h>

#include <cerrno>

#include "connect/socket_address.h"

namespace spiderling {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

namespace {

constexpr std::uint8_t most_without_a_wait = 16;

bool set_option(int socket, int name, const void* value, socklen_t size) {
  return ::setsockopt(socket, SOL_SOCKET, name, value, size) == 0;
}

}  // namespace

TcpConnection::TcpConnection(std::shared_ptr<ConnectContext> shared)
    : shared_(std::move(shared)), socket_(shared_->io), watch_(shared_->deadlines, *this) {}

// --- before the SYN

Outcome TcpConnection::prepare(const IpAddress& address, std::uint16_t port, const SocketSetup& setup,
                               std::uint32_t mark) {
  close();
  ends_ = {{}, address, 0, port};
  const auto source = shared_->sources.towards(address, setup, mark);
  if (!source) return source.error();
  auto opened = shared_->sockets.open(setup, mark, socket_family(address.version), SOCK_STREAM);
  if (!opened) return Outcome::discard(opened.error().message);
  fd_ = std::move(*opened);
  Outcome bound = bind_somewhere(*source);
  if (bound.ok() && setup.fast_open == FastOpen::ask) {
    if (const auto forgotten = shared_->sockets.forget_peer(setup, address, *source); !forgotten)
      bound = Outcome::discard(forgotten.error().message);
  }
  held_back_ = false;
  waits_for_bytes_ = setup.fast_open != FastOpen::unused;
  if (!bound.ok()) close();
  return bound;
}

Outcome TcpConnection::bind_somewhere(const IpAddress& source) {
  ConnectionEnds ends = ends_;
  ends.sip = source;
  auto lease = bind_local_port(fd_.get(), shared_->ports, ends);
  if (!lease) return std::move(lease.error());
  ends_ = ends;
  lease_ = std::move(*lease);
  return {};
}

// --- the handshake

asio::awaitable<Outcome> TcpConnection::connect(Deadline deadline) {
  if (!fd_) co_return Outcome::discard("not prepared");
  if (Outcome started = start_connecting(); !started.ok() || held_back_) co_return started;
  co_return co_await finish_connecting(deadline);
}

asio::awaitable<Outcome> TcpConnection::finish_connecting(Deadline deadline) {
  if (Outcome waited = co_await wait(Transfer::Kind::needs_write, deadline); !waited.ok()) {
    // No SYN is sent again from now on: what this host is configured to may change as soon as we have said
    // so.
    ErrorCode ignored;
    socket_.close(ignored);
    co_return waited;
  }
  int number = 0;
  socklen_t size = sizeof number;
  if (::getsockopt(descriptor(), SOL_SOCKET, SO_ERROR, &number, &size) != 0) number = errno;
  if (number != 0) co_return outcome_of_errno(number, "cannot connect");
  co_return Outcome{};
}

// Asio is told of the socket only now: one that is not connecting yet would wake it for nothing.
Outcome TcpConnection::start_connecting() {
  const SocketAddress target(ends_.dip, ends_.dp);
  const bool done = ::connect(fd_.get(), target.get(), target.size()) == 0;
  if (!done && errno != EINPROGRESS) return outcome_of_errno(errno, "cannot connect");
  held_back_ = done && waits_for_bytes_;
  return adopt();
}

Outcome TcpConnection::adopt() {
  const auto protocol = ends_.dip.version == IpVersion::v6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4();
  ErrorCode problem;
  socket_.assign(protocol, fd_.get(), problem);
  if (problem) return outcome_of_errno(problem.value(), "cannot watch a socket");
  fd_.release();
  return {};
}

// --- waiting

void TcpConnection::Watch::on_deadline() {
  owner_.timed_out_ = true;
  owner_.cancel();
}

asio::awaitable<Outcome> TcpConnection::wait(Transfer::Kind why, Deadline deadline) {
  if (!socket_.is_open()) co_return Outcome::discard("not connected");
  if (deadline <= std::chrono::steady_clock::now()) co_return Outcome::timeout("no answer in time");
  ErrorCode problem;
  without_a_wait_ = 0;
  timed_out_ = false;
  watch_.set(deadline);
  co_await socket_.async_wait(why == Transfer::Kind::needs_write ? Socket::wait_write : Socket::wait_read,
                              asio::redirect_error(asio::use_awaitable, problem));
  watch_.clear();
  if (!problem) co_return Outcome{};
  co_return timed_out_ ? Outcome::timeout("no answer in time") : Outcome::discard("given up");
}

void TcpConnection::cancel() {
  ErrorCode ignored;
  if (socket_.is_open()) socket_.cancel(ignored);
}

// --- bytes

int TcpConnection::descriptor() { return socket_.native_handle(); }

// A peer that sends as fast as it is read from must leave the others their turn, and gets no longer than the
// deadline: it is waited for now and then, although it is ready.
bool TcpConnection::must_wait() { return ++without_a_wait_ > most_without_a_wait; }

Transfer TcpConnection::read_some(std::span<char> room) {
  if (must_wait()) return {Transfer::Kind::needs_read, 0, {}};
  const ssize_t got = ::recv(descriptor(), room.data(), room.size(), MSG_DONTWAIT);
  if (got > 0) return {Transfer::Kind::done, static_cast<std::size_t>(got), {}};
  if (got == 0) return {Transfer::Kind::end, 0, {}};
  if (errno == EAGAIN || errno == EINTR) return {Transfer::Kind::needs_read, 0, {}};
  return {Transfer::Kind::broken, 0, outcome_of_errno(errno, "cannot receive")};
}

Transfer TcpConnection::write_some(std::string_view bytes) {
  if (must_wait()) return {Transfer::Kind::needs_write, 0, {}};
  const ssize_t sent = ::send(descriptor(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) {
    held_back_ = false;
    return {Transfer::Kind::done, static_cast<std::size_t>(sent), {}};
  }
  if (errno == EINPROGRESS) held_back_ = false;  // the SYN has left, but without the bytes
  if (errno == EAGAIN || errno == EINTR || errno == EINPROGRESS) return {Transfer::Kind::needs_write, 0, {}};
  return {Transfer::Kind::broken, 0, outcome_of_errno(errno, "cannot send")};
}

// --- the end

void TcpConnection::close() {
  watch_.clear();
  fd_ = FileDescriptor();
  ErrorCode ignored;
  if (socket_.is_open()) socket_.close(ignored);
  lease_.give_back();
}

void TcpConnection::abort() {
  const linger at_once{1, 0};
  if (socket_.is_open()) set_option(descriptor(), SO_LINGER, &at_once, sizeof at_once);
  close();
}

}  // namespace spiderling
