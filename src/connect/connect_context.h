// What all connections of a run share.
#pragma once

#include <cstddef>
#include <memory>

#include "base/boost_asio.h"
#include "base/error.h"
#include "connect/connect_options.h"
#include "connect/deadline_queue.h"
#include "connect/port_allocator.h"
#include "connect/raw_sockets.h"
#include "connect/socket_factory.h"
#include "connect/source_address.h"
#include "connect/tls_client.h"

namespace spiderling {

/// Held by each connection, since the io_context may end some only when it ends itself.
///
/// Thread-safety: that of the io_context, one thread. The io_context outlives it, or is what ends the last
/// that hold it.
struct ConnectContext {
  /// An error if the certificates to trust cannot be read.
  static Result<std::shared_ptr<ConnectContext>> make(boost::asio::io_context& context,
                                                      ConnectOptions options);

  ConnectContext(boost::asio::io_context& context, ConnectOptions given, TlsClient client);
  ConnectContext(const ConnectContext&) = delete;
  ConnectContext& operator=(const ConnectContext&) = delete;

  boost::asio::io_context& io;
  const ConnectOptions options;
  PortAllocator ports;
  SocketFactory sockets;
  SourceAddress sources;
  RawSockets raw;
  DeadlineQueue deadlines;
  TlsClient tls;
};

}  // namespace spiderling
