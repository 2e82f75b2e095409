// Servers that behave as badly as a test wants, on loopback, within the test's own event loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/boost_asio.h"
#include "connect/test_loop.h"

namespace spiderling::testing {

/// Accepts connections as long as it lives, and has each served by a coroutine.
class Server {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using Behaviour = std::function<boost::asio::awaitable<void>(Socket&)>;

  Server(boost::asio::io_context& io, Behaviour behaviour, const IpAddress& at = address("127.0.0.1"))
      : state_(std::make_shared<State>(io, std::move(behaviour))) {
    Listener listener(at);
    port_ = listener.port();
    state_->acceptor.assign(
        at.version == IpVersion::v6 ? boost::asio::ip::tcp::v6() : boost::asio::ip::tcp::v4(),
        listener.release());
    boost::asio::co_spawn(io, accept(state_), boost::asio::detached);
  }
  ~Server() { stop(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Hangs up on everyone.
  void stop() {
    boost::system::error_code ignored;
    state_->acceptor.close(ignored);
    for (const auto& weak : state_->sockets)
      if (const auto socket = weak.lock()) socket->close(ignored);
  }
  std::uint16_t port() const { return port_; }
  std::size_t accepted() const { return state_->sockets.size(); }

 private:
  struct State {
    State(boost::asio::io_context& io, Behaviour how) : acceptor(io), behaviour(std::move(how)) {}
    boost::asio::ip::tcp::acceptor acceptor;
    Behaviour behaviour;
    std::vector<std::weak_ptr<Socket>> sockets;
  };

  static boost::asio::awaitable<void> accept(std::shared_ptr<State> state) {
    boost::system::error_code problem;
    while (state->acceptor.is_open()) {
      auto socket = std::make_shared<Socket>(co_await state->acceptor.async_accept(
          boost::asio::redirect_error(boost::asio::use_awaitable, problem)));
      if (problem) co_return;
      state->sockets.push_back(socket);
      boost::asio::co_spawn(state->acceptor.get_executor(), serve(state, socket), boost::asio::detached);
    }
  }
  static boost::asio::awaitable<void> serve(std::shared_ptr<State> state, std::shared_ptr<Socket> socket) {
    try {
      co_await state->behaviour(*socket);
    } catch (const boost::system::system_error&) {
      // The client went away, or the test is over.
    }
  }

  std::shared_ptr<State> state_;
  std::uint16_t port_ = 0;
};

// --- how a server may behave

/// Says nothing, until the client goes away.
inline boost::asio::awaitable<void> say_nothing(Server::Socket& socket) {
  char rubbish[4096];
  for (;;) co_await socket.async_read_some(boost::asio::buffer(rubbish), boost::asio::use_awaitable);
}

inline boost::asio::awaitable<void> close_at_once(Server::Socket& socket) {
  socket.close();
  co_return;
}

inline void send_reset(Server::Socket& socket) {
  socket.set_option(boost::asio::socket_base::linger(true, 0));
  socket.close();
}

/// Reads a request's head, then answers with these bytes, then behaves as `then`.
inline Server::Behaviour answer_with(std::string bytes, Server::Behaviour then = close_at_once) {
  return [bytes = std::move(bytes),
          then = std::move(then)](Server::Socket& socket) -> boost::asio::awaitable<void> {
    std::string request;
    char room[4096];
    while (!request.ends_with("\r\n\r\n")) {
      const std::size_t got =
          co_await socket.async_read_some(boost::asio::buffer(room), boost::asio::use_awaitable);
      request.append(room, got);
    }
    co_await boost::asio::async_write(socket, boost::asio::buffer(bytes), boost::asio::use_awaitable);
    co_await then(socket);
  };
}

/// Sends the same bytes for ever.
inline Server::Behaviour repeat(std::string bytes) {
  return [bytes = std::move(bytes)](Server::Socket& socket) -> boost::asio::awaitable<void> {
    for (;;)
      co_await boost::asio::async_write(socket, boost::asio::buffer(bytes), boost::asio::use_awaitable);
  };
}

}  // namespace spiderling::testing
