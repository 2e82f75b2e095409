// One TCP connection of a measurement, made in two steps: its ends are known before its SYN leaves.
#pragma once

#include <cstdint>
#include <memory>

#include "base/file_descriptor.h"
#include "connect/connect_context.h"
#include "connect/local_port.h"
#include "connect/stream.h"

namespace spiderling {

/// prepare(), connect(), then bytes as in any Stream, then close(). Destroyed at any point it closes by
/// itself; a coroutine that waits on it must be gone by then, as one is that has the connection as its own
/// variable. One coroutine waits on it at a time.
///
/// From its birth to its end it costs 10 system calls, 3 more of SourceAddress, and one for each option that
/// is set and for each further wait.
///
/// Thread-safety: that of the io_context, one thread.
///
///     TcpConnection connection(shared);
///     if (Outcome ready = connection.prepare(target, 443, setup, mark); !ready.ok()) co_return ready;
///     observer.expect(connection.ends());
///     Outcome outcome = co_await connection.connect(deadline);
class TcpConnection final : public Stream {
 public:
  explicit TcpConnection(std::shared_ptr<ConnectContext> shared);
  ~TcpConnection() override { close(); }

  /// Opens the socket as the setup says, and binds it to its local address and port. No packet leaves. Again
  /// after port_taken, or after close(): with another port. Not ok: skipped (no address or route of the
  /// family) or discard.
  Outcome prepare(const IpAddress& address, std::uint16_t port, const SocketSetup& setup, std::uint32_t mark);
  /// Set by prepare(); stays when the connection is closed.
  const ConnectionEnds& ends() const { return ends_; }

  /// The SYN leaves. Once after each prepare(). Where the setup uses Fast Open and there is a cookie, nothing
  /// has left yet when it is done: is_held_back() is true until the first bytes are written, which then leave
  /// with the SYN.
  boost::asio::awaitable<Outcome> connect(Deadline deadline);
  bool is_held_back() const { return held_back_; }
  /// After such first bytes: until the peer has answered the SYN.
  boost::asio::awaitable<Outcome> finish_connecting(Deadline deadline);

  Transfer read_some(std::span<char> room) override;
  Transfer write_some(std::string_view bytes) override;
  boost::asio::awaitable<Outcome> wait(Transfer::Kind why, Deadline deadline) override;

  /// Ends what waits on it, which then is told `discard`. The socket stays.
  void cancel();
  /// With a FIN if it stands, and the kernel does the rest; the local port is given back, unless it was taken
  /// away.
  void close();
  /// With a RST: for a peer that would hold on. Leaves no TIME_WAIT either.
  void abort();
  bool is_open() const { return socket_.is_open() || fd_; }
  /// Its descriptor once the SYN has left; -1: there is none.
  int socket() const { return socket_.is_open() ? const_cast<Socket&>(socket_).native_handle() : -1; }
  /// The lease of the local port becomes the caller's, to be held longer than the connection.
  PortLease take_lease() { return std::move(lease_); }

 private:
  using Socket =
      boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

  class Watch final : public DeadlineQueue::Watch {
   public:
    Watch(DeadlineQueue& queue, TcpConnection& owner) : DeadlineQueue::Watch(queue), owner_(owner) {}

   private:
    void on_deadline() override;
    TcpConnection& owner_;
  };

  Outcome bind_somewhere(const IpAddress& source);
  Outcome start_connecting();
  Outcome adopt();
  bool must_wait();
  int descriptor();

  std::shared_ptr<ConnectContext> shared_;
  ConnectionEnds ends_;
  PortLease lease_;
  FileDescriptor fd_;  // until the SYN has left
  Socket socket_;      // from then on
  Watch watch_;
  bool waits_for_bytes_ = false;  // if the kernel lets it
  bool held_back_ = false;
  std::uint8_t without_a_wait_ = 0;
  bool timed_out_ = false;
};

}  // namespace spiderling
