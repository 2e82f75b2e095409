// One question of DNS and its answer, over TCP and over UDP.
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "connect/stream.h"
#include "connect/udp_socket.h"
#include "spiderling/connection.h"
#include "spiderling/dns_query.h"
#include "spiderling/job.h"

namespace spiderling {

/// What is asked of a job's target: about its domain, with an id that nobody can guess. An error if the
/// domain is no name of DNS.
Result<DnsQuery> dns_query_for(const Job& job);

struct DnsExchange {
  Outcome outcome{};
  std::optional<std::uint8_t> response_code;  ///< of the answer, if one came: RFC 1035, section 4.1.1

  /// `dns_response_code`, if an answer came.
  void add_fields_to(ConnectionRecord& record) const;
};

/// Over a connection that stands, each message behind its length (RFC 1035, section 4.2.2). Ok: an answer to
/// this question came, whatever it says; what else comes first is the connection's failure.
boost::asio::awaitable<DnsExchange> ask_dns(Stream& stream, const DnsQuery& query, Deadline deadline);

/// In one datagram, sent once. Datagrams that are no answer to this question are passed over: anybody may
/// have sent them in the peer's name (RFC 5452). Failed: an ICMP error came.
boost::asio::awaitable<DnsExchange> ask_dns(UdpSocket& socket, const DnsQuery& query, Deadline deadline);

}  // namespace spiderling
