// The HTTP request and response that open a WebSocket (RFC 6455 section 4), from the client's side. No I/O.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "websocket/endpoint.h"

namespace spiderling {

/// One upgrade. Feed what is received until done().
class Upgrade {
 public:
  Upgrade(const Endpoint& endpoint, const std::string& token);
  ~Upgrade();
  Upgrade(const Upgrade&) = delete;
  Upgrade& operator=(const Upgrade&) = delete;

  const std::string& request() const { return request_; }

  /// True once the response is whole and accepts; false: more is needed. An error says what to do about it.
  Result<bool> feed(std::string_view bytes);
  /// What came behind the response: the first frames.
  std::string_view rest() const { return received_; }

 private:
  struct Parser;
  Result<bool> judge() const;

  const Endpoint endpoint_;
  const bool has_token_;
  std::string key_;
  std::string request_;
  std::string received_;
  std::unique_ptr<Parser> parser_;
};

/// The Sec-WebSocket-Accept that answers a Sec-WebSocket-Key.
std::string websocket_accept(std::string_view key);

}  // namespace spiderling
