// TLS over a connection that stands.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "connect/tcp_connection.h"
#include "connect/tls_client.h"

namespace spiderling {

/// One TLS connection, as a Stream. OpenSSL is given the socket's bytes as they come, so that a connection
/// that waits has no buffers, neither ours nor OpenSSL's.
///
/// Thread-safety: that of the connection, which outlives it; so does the client.
class TlsStream final : public Stream {
 public:
  /// `host`: as host_of() tells it. It is sent as SNI if it is a name (RFC 6066, section 3). By ALPN only
  /// HTTP/1.1 is offered, or HTTP/2 before it.
  TlsStream(const TlsClient& client, TcpConnection& connection, const std::string& host,
            const IpAddress& address, bool offers_http2 = false);
  ~TlsStream() override;

  boost::asio::awaitable<Outcome> handshake(Deadline deadline);
  /// "TLSv1.3", after the handshake.
  const char* version() const;
  /// What ALPN has settled on ("h2"); empty: the peer chose nothing.
  std::string_view protocol() const;

  Transfer read_some(std::span<char> room) override;
  Transfer write_some(std::string_view bytes) override;
  boost::asio::awaitable<Outcome> wait(Transfer::Kind why, Deadline deadline) override;

  /// Tells the peer that no more comes (close_notify), if it can be told without waiting.
  void shut_down();

 private:
  friend struct TlsTransport;
  struct Free {
    void operator()(SSL* ssl) const;
  };

  void name_peer(const std::string& host, const IpAddress& address, bool verify);
  Transfer result_of(int returned, std::size_t bytes);
  Outcome fault();

  TcpConnection& connection_;
  Transfer below_{};  // what became of the transport, if it did not work
  std::unique_ptr<SSL, Free> ssl_;
};

}  // namespace spiderling
