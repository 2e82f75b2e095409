// A TCP connection, plain or with TLS on it, made step by step. For src/websocket itself: includes Asio.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/boost_asio.h"
#include "websocket/endpoint.h"

namespace spiderling {

using Tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;

/// One thread. Every failure is a value; the text of the Error says what to do about it.
class ByteStream {
 public:
  explicit ByteStream(asio::io_context& context) : context_(context), socket_(context), retry_(context) {}

  /// Look-up, connect, and the TLS handshake for wss://.
  asio::awaitable<Result<void>> open(const Endpoint& endpoint, const std::string& ca_file);
  /// Ends whatever is going on; pending operations fail.
  void close();

  template <class Buffers>
  asio::awaitable<std::size_t> read_some(const Buffers& buffers, ErrorCode& problem) {
    auto token = asio::redirect_error(asio::use_awaitable, problem);
    if (tls_) co_return co_await tls_->async_read_some(buffers, std::move(token));
    co_return co_await socket_.async_read_some(buffers, std::move(token));
  }
  template <class Buffers>
  asio::awaitable<void> write(const Buffers& buffers, ErrorCode& problem) {
    auto token = asio::redirect_error(asio::use_awaitable, problem);
    if (tls_) {
      co_await asio::async_write(*tls_, buffers, std::move(token));
    } else {
      co_await asio::async_write(socket_, buffers, std::move(token));
    }
  }

 private:
  struct Lookup;
  asio::awaitable<Result<std::vector<Tcp::endpoint>>> look_up(const Endpoint& endpoint);
  asio::awaitable<Result<void>> connect(const Endpoint& endpoint,
                                        const std::vector<Tcp::endpoint>& addresses);
  asio::awaitable<Result<void>> start_tls(const Endpoint& endpoint, const std::string& ca_file);

  asio::io_context& context_;
  Tcp::socket socket_;
  asio::steady_timer retry_;
  std::optional<asio::ssl::context> tls_context_;
  std::optional<asio::ssl::stream<Tcp::socket&>> tls_;
  bool closed_ = false;
};

}  // namespace spiderling
