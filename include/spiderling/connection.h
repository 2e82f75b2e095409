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
enum class ConnectMode : std::uint8_t {
  tcp,     ///< nothing
  http,    ///< a request (RFC 9112), in clear
  https,   ///< the same inside TLS
  dnstcp,  ///< a question of DNS over TCP (RFC 7766)
  dnsudp,  ///< a question of DNS in a datagram of UDP (RFC 1035, section 4.2.1)
  tcpsyn,  ///< a single SYN of the measurement's own making: only where packets are forged
};

/// The name that --connect takes.
constexpr std::string_view name_of(ConnectMode mode) {
  switch (mode) {
    case ConnectMode::tcp: return "tcp";
    case ConnectMode::http: return "http";
    case ConnectMode::https: return "https";
    case ConnectMode::dnstcp: return "dnstcp";
    case ConnectMode::dnsudp: return "dnsudp";
    case ConnectMode::tcpsyn: break;
  }
  return "tcpsyn";
}
/// Where a job names no port.
constexpr std::uint16_t default_port(ConnectMode mode) {
  switch (mode) {
    case ConnectMode::https: return 443;
    case ConnectMode::dnstcp:
    case ConnectMode::dnsudp: return 53;
    case ConnectMode::tcp:
    case ConnectMode::http:
    case ConnectMode::tcpsyn: break;
  }
  return 80;
}

/// The HTTP that is spoken where the mode is http or https. A peer that does not take up HTTP/2 is spoken to
/// in HTTP/1.1: `http_version` of the connection's record says which one answered.
enum class HttpVersion : std::uint8_t {
  http1,  ///< HTTP/1.1; in TLS nothing else is offered by ALPN (RFC 7301)
  http2,  ///< HTTP/2 (RFC 9113): by ALPN in TLS, by `Upgrade: h2c` in clear (RFC 7540, section 3.2)
  http2_prior_knowledge,  ///< as http2, but in clear it begins with HTTP/2 at once (RFC 9113, section 3.3)
};

/// Whether a connection asks for Explicit Congestion Notification in its SYN (RFC 3168, section 6.1.1).
enum class EcnRequest : std::uint8_t {
  as_host,           ///< as the host does it for everyone
  off,               ///< never
  on,                ///< in every SYN, also in those sent again
  on_with_fallback,  ///< in the first SYN; the kernel may retreat in those sent again, as it does for
                     ///< everyone
};

/// What a connection does about TCP Fast Open (RFC 7413). A lost SYN of one that does something is never sent
/// again without the option or the data, as the kernel would: it stays lost, and --repeat connects again.
enum class FastOpen : std::uint8_t {
  unused,  ///< nothing
  ask,     ///< what this host has kept about the target is forgotten; then the SYN asks for a cookie
  use,  ///< the SYN carries the cookie that was kept, and the first bytes that the mode has to say; without
        ///< a cookie it asks for one
};

/// Which options a SYN carries, of those that a kernel can leave out: RFC 7323, RFC 2018. What the kernel
/// does not put there is not added.
struct SynOptions {
  bool timestamps = false;
  bool window_scale = false;
  bool sack_permitted = false;

  friend bool operator==(const SynOptions&, const SynOptions&) = default;
};

/// What is different about one socket, and no other of the host. Options that the kernel takes from a socket
/// are set on it; others are done by rules of ours that see the socket's mark.
struct SocketSetup {
  EcnRequest ecn = EcnRequest::as_host;
  std::optional<std::uint8_t> dscp{};  ///< 0 to 63, in every packet, the SYN too
  std::optional<std::uint16_t> mss{};  ///< TCP_MAXSEG
  FastOpen fast_open = FastOpen::unused;
  std::optional<SynOptions> syn_options{};  ///< as the host has them if not given; in SYNs sent again as well
  std::string network_namespace{};          ///< name or path; empty: the one that the program runs in

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
///
///     ConnectionRecord record = co_await worker.connect();
///     const Payload* status = record.find("http_response_code");
///     if (record.ok() && status == nullptr) record.add("greeted", false);
///     co_return record;
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
  /// A field that was added, the last of that name; nullptr: none was.
  const Payload* find(std::string_view name) const {
    for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
      if (field->first == name) return &field->second;
    }
    return nullptr;
  }
};

}  // namespace spiderling
