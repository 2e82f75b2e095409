// A WebSocket client on an io_context. Neither Asio nor Beast is included here.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "websocket/endpoint.h"
#include "websocket/frame.h"
#include "websocket/outgoing_queue.h"

namespace boost::asio {
class io_context;
}

namespace spiderling {

struct TlsOptions {
  /// PEM file of the authorities to trust; empty: the system's. The certificate must also be for the
  /// endpoint's host.
  std::string ca_file{};
};

struct ClientOptions {
  Endpoint endpoint{};
  TlsOptions tls{};
  std::string token{};  ///< sent as `Authorization: Bearer TOKEN` in the upgrade request: see token_file.h
  std::string hello{};  ///< the first text message of every connection; empty: none
  /// Of a received message; a longer one ends the connection (1009).
  std::size_t max_message_bytes = 16 << 20;
  QueueLimits queue{};
  /// What no connection confirmed is sent again by the next one; else it is counted as lost. Lost too is what
  /// was on its way when the peer closed since it will not have such a message (1003, 1007, 1009).
  bool send_again = true;
  /// Look-up, connect, TLS and upgrade together.
  std::chrono::milliseconds connect_timeout{10'000};
  /// After so long without a word from the hub it is asked for one...
  std::chrono::milliseconds ping_every{20'000};
  /// ... and if none comes, the connection ends.
  std::chrono::milliseconds ping_timeout{20'000};
};

/// Called on the thread that runs the io_context, one at a time. Each may be empty.
struct ClientHandlers {
  std::function<void()> on_open{};  ///< upgraded; the hello is on its way
  /// A text or binary message; the view dies on return.
  std::function<void(std::string_view message)> on_message{};
  /// All that has been received is handled; now it waits for more. For what is done in batches.
  std::function<void()> on_idle{};
  /// A connection that was open has ended; close_code::abnormal if without a close frame.
  std::function<void(std::uint16_t code, std::string_view reason)> on_close{};
  /// No connection came about: one line for a person, with what to do about it.
  std::function<void(const std::string& problem)> on_error{};
};

/// One connection. After connect() exactly one of on_error, or on_open and later on_close, is called, unless
/// the client is destroyed first.
///
/// Thread-safety: send() and counters() from any thread; all else on the io_context's thread (or while none
/// runs it).
///
///     boost::asio::io_context context;
///     ClientOptions options;
///     options.endpoint = *parse_endpoint("localhost:11348", 11348);
///     options.hello = R"({"eater_name":"example"})";
///     WebSocketClient client(context, options, {.on_message = [](std::string_view text) { use(text); }});
///     client.connect();
///     context.run();
class WebSocketClient {
 public:
  WebSocketClient(boost::asio::io_context& context, ClientOptions options, ClientHandlers handlers);
  /// As above, but what is to be sent outlives the connection.
  WebSocketClient(boost::asio::io_context& context, ClientOptions options, ClientHandlers handlers,
                  std::shared_ptr<OutgoingQueue> queue);
  ~WebSocketClient();
  WebSocketClient(const WebSocketClient&) = delete;
  WebSocketClient& operator=(const WebSocketClient&) = delete;

  void connect();
  /// Queues a text message, which must be valid UTF-8. False, and counted: the queue is full. Before on_open
  /// it waits.
  bool send(std::string_view message);
  /// Sends what was taken for writing, then a close frame; on_close follows, at the latest after two seconds.
  void close(std::uint16_t code = close_code::normal, std::string_view reason = {});
  bool is_open() const;
  OutgoingCounters counters() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace spiderling
