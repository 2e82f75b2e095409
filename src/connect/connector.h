// One connection of a job: the handshake, and what its mode wants said.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "connect/dns_exchange.h"
#include "connect/http.h"
#include "connect/tcp_connection.h"
#include "connect/tls_stream.h"
#include "spiderling/job.h"

namespace spiderling {

/// prepare(), then run() or tcp_connect(), then stream() as long as one likes, then end(). Destroyed at any
/// point it leaves nothing behind; a coroutine that waits on it must be gone by then.
///
/// Thread-safety: that of the io_context, one thread. `job` outlives it.
///
///     Connector connector(shared, ConnectMode::http, job, port);
///     if (Outcome ready = connector.prepare(setup, mark); !ready.ok()) co_return connector.record_of(ready);
///     watch.expect(flow_of(connector.ends()));
///     ConnectionRecord record = co_await connector.run(deadline);
///     while (connector.port_taken() && ...)  // prepare() and run() again: with another port
///     connector.end();
class Connector {
 public:
  Connector(std::shared_ptr<ConnectContext> shared, ConnectMode mode, const Job& job, std::uint16_t port,
            HttpVersion http = HttpVersion::http1);
  ~Connector() { close(); }
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  /// Binds the socket; no packet leaves. Not ok: skipped or discard; see TcpConnection.
  Outcome prepare(const SocketSetup& setup, std::uint32_t mark);
  /// Both ends, known since prepare().
  const ConnectionEnds& ends() const { return tcp_.ends(); }
  /// A record of an attempt that came no further.
  ConnectionRecord record_of(const Outcome& outcome) const;

  /// The handshake, and the conversation of the mode. All of it ends by the deadline.
  boost::asio::awaitable<ConnectionRecord> run(Deadline deadline);
  /// The handshake only, whatever the mode.
  boost::asio::awaitable<ConnectionRecord> tcp_connect(Deadline deadline);
  /// The last run() came to nothing since the kernel remembers an earlier connection of the same two ends: no
  /// packet left, and prepare() takes another port.
  bool port_taken() const { return port_taken_; }

  /// After a connection stands: bytes to and from the peer, inside TLS if that was begun.
  Stream& stream();
  int socket() const { return stands_ ? tcp_.socket() : -1; }
  bool stands() const { return stands_; }
  /// What waits on it is told `discard`.
  void cancel() { tcp_.cancel(); }

  /// With a FIN; with a RST where the peer would hold on: the deadline passed while it stood, or its answer
  /// does not end.
  void end();
  void close();
  void abort();
  /// The lease of the local port becomes the caller's, to be held until its flow is over.
  PortLease take_lease() { return tcp_.take_lease(); }

 private:
  boost::asio::awaitable<Outcome> start_tls(Deadline deadline);
  boost::asio::awaitable<Outcome> open_with_bytes(Deadline deadline);
  Outcome prepare_words();
  boost::asio::awaitable<HttpGet> ask_http(Deadline deadline);
  void finish(ConnectionRecord& record, Outcome outcome);
  void finish(ConnectionRecord& record, HttpGet got);
  void finish(ConnectionRecord& record, DnsExchange exchange);

  const std::shared_ptr<ConnectContext> shared_;
  const Job& job_;
  const std::uint16_t port_;
  const ConnectMode mode_;
  const HttpVersion http_;
  bool stands_ = false;
  bool port_taken_ = false;
  bool peer_holds_on_ = false;
  std::string host_;               // as requests name it
  std::optional<DnsQuery> query_;  // of dnstcp
  TcpConnection tcp_;
  std::unique_ptr<TlsStream> tls_;
};

}  // namespace spiderling
