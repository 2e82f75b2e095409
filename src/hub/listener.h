// Listening sockets and the TLS that is spoken on them. For src/hub itself: includes Asio.
#pragma once

#include <memory>
#include <vector>

#include "base/error.h"
#include "hub/connection.h"
#include "hub/hub_state.h"

namespace spiderling {

/// What `address` stands for: "localhost" usually has two.
Result<std::vector<asio::ip::address>> resolve(asio::io_context& context, const std::string& address);

Result<void> load_tls(HubState& hub);

/// One of the hub's ports, on all of its addresses. Lives as long as the hub.
class Listener {
 public:
  Listener(HubState& hub, HubPort port) : hub_(hub), port_(port), pause_(hub.context) {}

  /// Port 0: any free one, the same on all addresses. Returns the port.
  Result<std::uint16_t> listen(const std::vector<asio::ip::address>& addresses, std::uint16_t port);
  void start();
  void stop();

 private:
  void accept(Tcp::acceptor& acceptor);
  void on_accept(Tcp::acceptor& acceptor, const ErrorCode& problem, Tcp::socket socket);
  Result<void> listen_on(const Tcp::endpoint& endpoint);

  HubState& hub_;
  const HubPort port_;
  std::vector<std::unique_ptr<Tcp::acceptor>> acceptors_;
  asio::steady_timer pause_;
  log::RateLimit problem_log_{std::chrono::seconds(10)};
};

}  // namespace spiderling
