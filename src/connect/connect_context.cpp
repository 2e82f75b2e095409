#include "connect/connect_context.h"

#include <utility>

namespace spiderling {

Result<std::shared_ptr<ConnectContext>> ConnectContext::make(boost::asio::io_context& context,
                                                             ConnectOptions options) {
  auto tls = TlsClient::make(options.tls);
  if (!tls) return tl::unexpected(tls.error());
  return std::make_shared<ConnectContext>(context, std::move(options), std::move(*tls));
}

ConnectContext::ConnectContext(boost::asio::io_context& context, ConnectOptions given, TlsClient client)
    : io(context),
      options(std::move(given)),
      ports(options.ports, options.max_in_flight),
      sources(sockets),
      raw(sockets),
      deadlines(context),
      tls(std::move(client)) {}

}  // namespace spiderling
