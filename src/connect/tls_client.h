// What all TLS connections of a run share.
#pragma once

#include <openssl/types.h>

#include <memory>

#include "base/error.h"
#include "connect/connect_options.h"

namespace spiderling {

/// OpenSSL set up as a client that measures. Sessions are not resumed: each connection is the first.
///
/// Thread-safety: one thread.
class TlsClient {
 public:
  static Result<TlsClient> make(const HttpsOptions& options);

  SSL_CTX* context() const { return context_.get(); }
  bool verifies() const { return verifies_; }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const;
  };
  TlsClient(SSL_CTX* context, bool verifies) : context_(context), verifies_(verifies) {}

  std::unique_ptr<SSL_CTX, Free> context_;
  bool verifies_;
};

}  // namespace spiderling
