// One UDP socket of a measurement, for one peer: its ends are known before its first datagram leaves.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/ip/udp.hpp>

#include "base/file_descriptor.h"
#include "connect/connect_context.h"
#include "connect/local_port.h"
#include "connect/stream.h"
#include "spiderling/bytes.h"

namespace spiderling {

/// prepare(), then datagrams both ways, then close(). The kernel lets in only what comes from the peer's
/// address and port, and tells of every ICMP error about what was sent. Destroyed at any point it closes by
/// itself; a coroutine that waits on it must be gone by then. One coroutine waits on it at a time.
///
/// Thread-safety: that of the io_context, one thread.
///
///     UdpSocket socket(shared);
///     if (Outcome ready = socket.prepare(target, 53, setup, mark); !ready.ok()) co_return ready;
///     observer.expect(socket.ends());
///     if (Outcome sent = co_await socket.send(query, deadline); !sent.ok()) co_return sent;
///     Received answer = co_await socket.receive(deadline);
class UdpSocket {
 public:
  explicit UdpSocket(std::shared_ptr<ConnectContext> shared);
  ~UdpSocket() { close(); }
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  /// Opens the socket as the setup says, and binds it to its local address and port. No packet leaves. Not
  /// ok: skipped (no address or route of the family) or discard.
  Outcome prepare(const IpAddress& address, std::uint16_t port, const SocketSetup& setup, std::uint32_t mark);
  /// Set by prepare(); stays when the socket is closed.
  const ConnectionEnds& ends() const { return ends_; }

  /// One datagram. Not ok also where an ICMP error about an earlier one has come (failed).
  boost::asio::awaitable<Outcome> send(Bytes datagram, Deadline deadline);
  /// The next datagram from the peer, whole, maybe empty. Not ok: timeout; failed, an ICMP error.
  boost::asio::awaitable<Received> receive(Deadline deadline);

  /// The local port is given back, unless it was taken away.
  void close();
  bool is_open() const { return socket_.is_open() || fd_; }
  /// The lease of the local port becomes the caller's, to be held longer than the socket.
  PortLease take_lease() { return std::move(lease_); }

 private:
  using Socket =
      boost::asio::basic_datagram_socket<boost::asio::ip::udp, boost::asio::io_context::executor_type>;

  class Watch final : public DeadlineQueue::Watch {
   public:
    Watch(DeadlineQueue& queue, UdpSocket& owner) : DeadlineQueue::Watch(queue), owner_(owner) {}

   private:
    void on_deadline() override;
    UdpSocket& owner_;
  };

  Outcome connect_to_peer(const IpAddress& source);
  int descriptor() { return socket_.is_open() ? socket_.native_handle() : fd_.get(); }
  Outcome adopt();
  boost::asio::awaitable<Outcome> wait(Deadline deadline);

  std::shared_ptr<ConnectContext> shared_;
  ConnectionEnds ends_;
  PortLease lease_;
  FileDescriptor fd_;  // until it is waited on
  Socket socket_;      // from then on
  Watch watch_;
  bool timed_out_ = false;
};

}  // namespace spiderling
