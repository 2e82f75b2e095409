// Where a hub is: HOST:PORT, ws://HOST:PORT or wss://HOST:PORT.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace spiderling {

struct Endpoint {
  std::string host;  ///< a name or an address; an IPv6 address without brackets
  std::uint16_t port = 0;
  bool tls = false;

  /// "localhost:11347", "[::1]:11347"
  std::string authority() const;
  /// "ws://localhost:11347", "wss://[::1]:11347"
  std::string uri() const;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// Parses HOST, HOST:PORT, [IPV6]:PORT, each also behind ws:// or wss://. Without a port: `default_port`.
Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port);

}  // namespace spiderling
