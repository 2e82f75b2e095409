#include "connect/tls_client.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <string>

namespace spiderling {

namespace {

constexpr unsigned char only_http1[] = "\x08http/1.1";

std::string openssl_reason() {
  const char* const text = ERR_reason_error_string(ERR_peek_error());
  return text == nullptr ? "unknown" : text;
}

}  // namespace

void TlsClient::Free::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

Result<TlsClient> TlsClient::make(const HttpsOptions& options) {
  ERR_clear_error();
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr) return error("cannot start TLS: {}", openssl_reason());
  TlsClient client(context, options.verify);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_alpn_protos(context, only_http1, sizeof only_http1 - 1);
  if (!options.verify) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_options(context, SSL_OP_LEGACY_SERVER_CONNECT);
    return client;
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  const int loaded = options.ca_file.empty() ? SSL_CTX_set_default_verify_paths(context)
                                             : SSL_CTX_load_verify_file(context, options.ca_file.c_str());
  if (loaded != 1) return error("cannot read certificates from '{}': {}", options.ca_file, openssl_reason());
  return client;
}

}  // namespace spiderling
