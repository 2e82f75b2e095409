// What a run's connections are made with. Values.
#pragma once

#include <cstddef>
#include <string>

#include "connect/http_answer.h"
#include "connect/port_allocator.h"

namespace spiderling {

struct HttpOptions {
  std::string user_agent = "spiderling";  ///< see user_agent()
  HttpLimits limits{};
};

struct HttpsOptions {
  /// The certificate must be valid and for the job's domain or address. Off, since it is the path that is
  /// measured: then a peer with old ciphers or a certificate of its own making is as good as any.
  bool verify = false;
  std::string ca_file{};  ///< PEM, of the authorities to trust; empty: the system's. Only to verify
};

struct ConnectOptions {
  PortRange ports = default_port_range();
  /// Local ports in use at once, those of connections whose flow is still waited for included.
  std::size_t max_in_flight = 100'000;
  HttpOptions http{};
  HttpsOptions tls{};
};

}  // namespace spiderling
