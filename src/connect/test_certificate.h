// TLS on a test's side of a connection, with a certificate that it makes for itself.
#pragma once

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/boost_asio.h"
#include "connect/test_server.h"

namespace spiderling::testing {

/// Signed by itself, for these names ("DNS:localhost,IP:127.0.0.1"), for an hour.
class Certificate {
 public:
  explicit Certificate(const std::string& names) : key_(EVP_EC_gen("P-256")), certificate_(X509_new()) {
    X509* const x509 = certificate_.get();
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, key_.get());
    X509_NAME* const name = X509_get_subject_name(x509);
    const unsigned char common_name[] = "a target";
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0);
    X509_set_issuer_name(x509, name);
    X509_EXTENSION* const extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(x509, key_.get(), EVP_sha256());
    write_file();
  }
  ~Certificate() { ::unlink(path_.c_str()); }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  /// PEM.
  const std::string& path() const { return path_; }
  void use(SSL_CTX* context) const {
    EXPECT_EQ(SSL_CTX_use_certificate(context, certificate_.get()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(context, key_.get()), 1);
  }

 private:
  void write_file() {
    path_ = ::testing::TempDir() + "/certificate.XXXXXX";
    std::FILE* const file = ::fdopen(::mkstemp(path_.data()), "w");
    PEM_write_X509(file, certificate_.get());
    std::fclose(file);
  }

  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { X509_free(certificate); }
  };
  std::unique_ptr<EVP_PKEY, Free> key_;
  std::unique_ptr<X509, Free> certificate_;
  std::string path_;
};

/// A server's side of TLS: the handshake, then a behaviour of its own.
class TlsServer {
 public:
  using Stream = boost::asio::ssl::stream<Server::Socket&>;
  using Behaviour = std::function<boost::asio::awaitable<void>(Stream&)>;

  TlsServer(boost::asio::io_context& io, const Certificate& certificate, Behaviour behaviour)
      : context_(std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_server)),
        server_(io, serve(context_, std::move(behaviour))) {
    certificate.use(context_->native_handle());
  }
  SSL_CTX* context() const { return context_->native_handle(); }
  std::uint16_t port() const { return server_.port(); }

 private:
  static Server::Behaviour serve(std::shared_ptr<boost::asio::ssl::context> context, Behaviour behaviour) {
    return
        [context, behaviour = std::move(behaviour)](Server::Socket& socket) -> boost::asio::awaitable<void> {
          Stream stream(socket, *context);
          co_await stream.async_handshake(boost::asio::ssl::stream_base::server, boost::asio::use_awaitable);
          co_await behaviour(stream);
        };
  }

  std::shared_ptr<boost::asio::ssl::context> context_;
  Server server_;
};

/// Reads a request's head into `request`, then answers with these bytes and ends TLS properly.
inline TlsServer::Behaviour answer_over_tls(std::string bytes, std::string& request) {
  return [bytes = std::move(bytes), &request](TlsServer::Stream& stream) -> boost::asio::awaitable<void> {
    request.clear();
    char room[4096];
    while (!request.ends_with("\r\n\r\n")) {
      const std::size_t got =
          co_await stream.async_read_some(boost::asio::buffer(room), boost::asio::use_awaitable);
      request.append(room, got);
    }
    co_await boost::asio::async_write(stream, boost::asio::buffer(bytes), boost::asio::use_awaitable);
    co_await stream.async_shutdown(boost::asio::use_awaitable);
  };
}

}  // namespace spiderling::testing
