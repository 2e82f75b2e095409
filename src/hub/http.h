// HTTP on the hub's ports: the request that opens a WebSocket, and plain questions. No I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace spiderling {

/// What the hub wants to know of a request.
struct HttpRequest {
  std::string method;
  std::string path;  ///< without the query
  std::string
      token;  ///< of `Authorization: Bearer TOKEN`, or of `?token=TOKEN`, which is all that a browser can set
  std::string origin;  ///< of a web page; empty: none
  bool wants_upgrade = false;
  std::string websocket_key;  ///< empty: none that is valid
  std::string websocket_version;
};

/// Takes a request apart as it comes in. Bodies are not read: nobody has a reason to send one.
class HttpRequestReader {
 public:
  HttpRequestReader();
  ~HttpRequestReader();
  HttpRequestReader(HttpRequestReader&&) noexcept;

  /// True: the request is whole. False: more bytes are needed. The error is for the log.
  Result<bool> feed(std::string_view bytes);
  HttpRequest request() const;
  /// What came behind the request: a client may send its first frames with it.
  std::string_view rest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A whole response, after which the connection is closed.
std::string http_response(unsigned status, std::string_view content_type, std::string_view body,
                          std::string_view more_headers = {}, bool head_only = false);
/// The response that makes a connection a WebSocket (RFC 6455 section 4.2.2).
std::string upgrade_response(std::string_view key);

}  // namespace spiderling
