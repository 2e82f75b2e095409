#include "connect/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <new>
#include <utility>

#include <fmt/format.h>

namespace spiderling {

namespace asio = boost::asio;

namespace {

constexpr unsigned char http2_or_http1[] = "\x02h2\x08http/1.1";

std::string openssl_reason() {
  const char* const text = ERR_reason_error_string(ERR_peek_error());
  return text == nullptr ? "unknown" : text;
}

}  // namespace

// --- the socket as OpenSSL sees it

// As OpenSSL's own socket BIO, but a peer that is gone raises no SIGPIPE, and what went wrong is kept.
struct TlsTransport {
  static int read(BIO* bio, char* room, int size) {
    auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
    return pass_on(bio, stream, stream.connection_.read_some({room, static_cast<std::size_t>(size)}));
  }
  static int write(BIO* bio, const char* bytes, int size) {
    auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
    return pass_on(bio, stream, stream.connection_.write_some({bytes, static_cast<std::size_t>(size)}));
  }
  static int pass_on(BIO* bio, TlsStream& stream, Transfer step) {
    BIO_clear_retry_flags(bio);
    const auto bytes = static_cast<int>(step.bytes);
    switch (step.kind) {
      case Transfer::Kind::done: return bytes;
      case Transfer::Kind::needs_read: BIO_set_retry_read(bio); return -1;
      case Transfer::Kind::needs_write: BIO_set_retry_write(bio); return -1;
      case Transfer::Kind::end:
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
        stream.below_ = std::move(step);
        return 0;
      case Transfer::Kind::broken: stream.below_ = std::move(step); break;
    }
    return -1;
  }
  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }
  static BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* const fresh =
          BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "measured connection");
      BIO_meth_set_read(fresh, read);
      BIO_meth_set_write(fresh, write);
      BIO_meth_set_ctrl(fresh, control);
      return fresh;
    }();
    return made;
  }
};

// --- one connection

void TlsStream::Free::operator()(SSL* ssl) const { SSL_free(ssl); }

TlsStream::TlsStream(const TlsClient& client, TcpConnection& connection, const std::string& host,
                     const IpAddress& address, bool offers_http2)
    : connection_(connection), ssl_(SSL_new(client.context())) {
  BIO* const bio = BIO_new(TlsTransport::method());
  if (!ssl_ || bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  name_peer(host, address, client.verifies());
  if (offers_http2) SSL_set_alpn_protos(ssl_.get(), http2_or_http1, sizeof http2_or_http1 - 1);
}

TlsStream::~TlsStream() = default;

void TlsStream::name_peer(const std::string& host, const IpAddress& address, bool verify) {
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl_.get());
  if (host.starts_with('[') || IpAddress::parse(host)) {
    if (verify) X509_VERIFY_PARAM_set1_ip_asc(wanted, address.to_string().c_str());
    return;
  }
  std::string name = host;
  if (name.ends_with('.')) name.pop_back();
  // As SSL_set_tlsext_host_name(), a macro with a cast of C's.
  SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
  if (verify) X509_VERIFY_PARAM_set1_host(wanted, name.c_str(), name.size());
}

asio::awaitable<Outcome> TlsStream::handshake(Deadline deadline) {
  for (;;) {
    ERR_clear_error();
    const Transfer step = result_of(SSL_connect(ssl_.get()), 0);
    if (step.kind == Transfer::Kind::done) co_return Outcome{};
    if (step.kind == Transfer::Kind::end) co_return Outcome::failed("closed during the TLS handshake");
    if (step.is_over()) co_return step.why_over();
    if (Outcome ready = co_await wait(step.kind, deadline); !ready.ok()) co_return ready;
  }
}

const char* TlsStream::version() const { return SSL_get_version(ssl_.get()); }

std::string_view TlsStream::protocol() const {
  const unsigned char* text = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &text, &size);
  return {reinterpret_cast<const char*>(text), size};
}

Transfer TlsStream::read_some(std::span<char> room) {
  std::size_t bytes = 0;
  ERR_clear_error();
  const int returned = SSL_read_ex(ssl_.get(), room.data(), room.size(), &bytes);
  return result_of(returned, bytes);
}

Transfer TlsStream::write_some(std::string_view bytes) {
  std::size_t written = 0;
  ERR_clear_error();
  const int returned = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written);
  return result_of(returned, written);
}

asio::awaitable<Outcome> TlsStream::wait(Transfer::Kind why, Deadline deadline) {
  return connection_.wait(why, deadline);
}

Transfer TlsStream::result_of(int returned, std::size_t bytes) {
  if (returned > 0) return {Transfer::Kind::done, bytes, {}};
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ: return {Transfer::Kind::needs_read, 0, {}};
    case SSL_ERROR_WANT_WRITE: return {Transfer::Kind::needs_write, 0, {}};
    case SSL_ERROR_ZERO_RETURN: return {Transfer::Kind::end, 0, {}};
    default: break;
  }
  if (below_.kind != Transfer::Kind::done) return below_;
  return {Transfer::Kind::broken, 0, fault()};
}

// OpenSSL's own words are short and known: "wrong version number", "sslv3 alert handshake failure".
Outcome TlsStream::fault() {
  const long verdict = SSL_get_verify_result(ssl_.get());
  if (SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE && verdict != X509_V_OK)
    return Outcome::failed(
        fmt::format("TLS: certificate not accepted: {}", X509_verify_cert_error_string(verdict)));
  return Outcome::failed("TLS: " + openssl_reason());
}

void TlsStream::shut_down() {
  if (below_.kind != Transfer::Kind::done || SSL_is_init_finished(ssl_.get()) == 0) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

}  // namespace spiderling
