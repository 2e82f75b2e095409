// Connections of a measurement: how a socket is set up, and what became of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spiderling/address.h"
#include "spiderling/dumpling.h"
#include "spiderling/packet.h"

namespace spiderling {

/// What a connection says to its target once it stands. The names are those of --connect.
enum class ConnectMode : std::uint8_t { tcp, http, https };

/// The name that --connect takes.
constexpr std::string_view name_of(ConnectMode mode) {
  switch (mode) {
    case ConnectMode::tcp: return "tcp";
    case ConnectMode::http: return "http";
    case ConnectMode::https: break;
  }
  return "https";
}
/// Where a job names no port.
constexpr std::uint16_t default_port(ConnectMode mode) { return mode == ConnectMode::https ? 443 : 80; }

/// Whether a connection asks for Explicit Congestion Notification in its SYN (RFC 3168, section 6.1.1).
enum class EcnRequest : std::uint8_t {
  as_host,           ///< as the host does it for everyone
  off,               ///< never
  on,                ///< in every SYN, also in those sent again
  on_with_fallback,  ///< in the first SYN; the kernel may retreat in those sent again, as it does for
                     ///< everyone
};

/// What is different about one socket, and no other of the host. Options that the kernel takes from a socket
/// are set on it; others are done by rules of ours that see the socket's mark.
struct SocketSetup {
  EcnRequest ecn = EcnRequest::as_host;
  std::optional<std::uint8_t> dscp{};  ///< 0 to 63, in every packet, the SYN too
  std::optional<std::uint16_t> mss{};  ///< TCP_MAXSEG
  std::string network_namespace{};     ///< name or path; empty: the one that the program runs in

  friend bool operator==(const SocketSetup&, const SocketSetup&) = default;
};

/// The numbers stand in results as `spdr_state`.
enum class ConnectionState : std::uint8_t {
  ok = 0,
  failed = 1,   ///< refused, reset, unreachable, or the answer was none of the protocol
  timeout = 2,  ///< nothing conclusive came in time
  skipped = 3,  ///< never tried: no address of that family, say
  discard = 4,  ///< tried, but says nothing: something of ours failed
};

/// What became of one connection. A value.
struct ConnectionRecord {
  ConnectionState state = ConnectionState::skipped;
  std::string reason;  ///< if not ok: one line for a person
  Timestamp start{};
  Timestamp stop{};
  IpAddress sip;
  std::uint16_t sp = 0;  ///< 0: none was taken
  /// What the connector or the measurement adds: `http_response_code`, ... They stand in the flow's result.
  std::vector<std::pair<std::string, Payload>> fields;

  bool ok() const { return state == ConnectionState::ok; }
  /// A Payload, or what one is made from: a number, a text, ...
  template <class Value = Payload>
  void add(std::string name, Value&& value) {
    fields.emplace_back(std::move(name), Payload(std::forward<Value>(value)));
  }
};

}  // namespace spiderling
