// HTTP/2 over a connection that stands: one GET.
#pragma once

#include <string>

#include "connect/http.h"
#include "connect/http2_answer.h"
#include "connect/stream.h"

namespace spiderling {

/// Begins with HTTP/2 at once: after ALPN has settled on it, or by prior knowledge. A peer that answers in
/// HTTP/1 all the same is understood; HttpGet::version tells which it was.
boost::asio::awaitable<HttpGet> http2_get(Stream& stream, Http2Request request, const HttpLimits& limits,
                                          Deadline deadline);

/// Asks in HTTP/1.1 for HTTP/2 (`Upgrade: h2c`), and is answered in the one or the other. `request`: as
/// http_upgrade_request() makes it.
boost::asio::awaitable<HttpGet> http_upgrade_get(Stream& stream, std::string request,
                                                 const HttpLimits& limits, Deadline deadline);

}  // namespace spiderling
