// HTTP/1.1 over a connection that stands: one GET.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "connect/connect_options.h"
#include "connect/stream.h"
#include "spiderling/job.h"

namespace spiderling {

/// `spiderling/VERSION (CONTACT)`; without a contact, without the brackets. An error if one has characters
/// that no header may have.
Result<std::string> user_agent(std::string_view version, std::string_view contact);

/// The job's domain, or its address if it has none (IPv6 in brackets). An error if the domain is no host
/// name: job lists come from anywhere, and a line break in a domain would write headers of its own.
Result<std::string> host_of(const Job& job);

/// `host`, and the port if it is not that of the mode (RFC 9110, section 7.2).
std::string authority_of(std::string_view host, std::uint16_t port, ConnectMode mode);

/// The request, whole. The port is named if it is not that of the mode (RFC 9110, section 7.2).
std::string http_request(std::string_view host, std::uint16_t port, ConnectMode mode,
                         const HttpOptions& options);

/// As http_request(), and asks for HTTP/2 with these settings (RFC 7540, section 3.2).
std::string http_upgrade_request(std::string_view host, std::uint16_t port, const HttpOptions& options,
                                 std::string_view settings);

struct HttpGet {
  Outcome outcome{};
  unsigned status = 0;            ///< 100 to 999; 0: none came
  const char* version = nullptr;  ///< "1.0", "1.1" or "2", if a status came
  std::string rest{};             ///< after 101: what the peer has said since
  bool endless = false;           ///< ok, and the peer had not said all when it was no longer read
};

/// Asks, if `request` is not empty, and reads the answer as far as HttpAnswer wants it, which begins with
/// `begun`. Ok when the answer's head is whole, whatever
/// comes of the body, unless that ends in a reset.
boost::asio::awaitable<HttpGet> http_get(Stream& stream, std::string request, const HttpLimits& limits,
                                         Deadline deadline, std::string begun = {});

}  // namespace spiderling
