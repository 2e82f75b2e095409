// A client that stays connected.
#pragma once

#include "websocket/client.h"

namespace spiderling {

struct Backoff {
  std::chrono::milliseconds first{250};
  std::chrono::milliseconds longest{15'000};

  /// The wait before try number `attempt` (0: the first after a loss): doubles up to `longest`, then between
  /// half of it and all of it, as `random` in [0, 1) says, so that many clients do not come back at one
  /// moment.
  std::chrono::milliseconds wait(unsigned attempt, double random) const;
};

struct ReconnectOptions {
  Backoff backoff{};
  /// False: the first connection must come about at once, or run() ends with on_error's text.
  bool retry_first = true;
  /// False: the end of the first connection is the end.
  bool retry = true;
};

struct ReconnectHandlers {
  std::function<void()> on_open{};
  std::function<void(std::string_view message)> on_message{};
  /// All that has been received is handled; now it waits for more. For what is done in batches.
  std::function<void()> on_idle{};
  /// The connection that was open is lost: why, and when the next try will be (0: never).
  std::function<void(std::uint16_t code, const std::string& why, std::chrono::milliseconds next_try)>
      on_lost{};
  /// A try failed: one line with what to do about it, and when the next try will be (0: never).
  std::function<void(const std::string& problem, std::chrono::milliseconds next_try)> on_failed{};
  /// Several times a second while running: look at a signal, write a status line, call stop().
  std::function<void()> on_tick{};
};

/// Connects, and connects again with growing waits whenever the connection is lost. What is sent meanwhile
/// waits in the queue (bounded by options.queue; order kept; refused and counted when full) and goes out
/// after the reconnect.
///
/// Delivery: a message stays in the queue until the hub has answered a ping that was sent behind it. After a
/// broken connection the unconfirmed ones are sent again (send_again), so they may arrive twice but are not
/// lost.
///
/// Runs in the caller's thread, run(), or in one of its own, start(). Handlers are called on that thread.
/// Thread-safety: send(), stop(), flush(), connected() and counters() from any thread, the handlers included
/// (but not flush() there). Everything else before run() or start().
///
///     ReconnectingClient link({.endpoint = hub, .token = token, .hello = hello}, {}, {});
///     link.start();
///     if (!link.send(dumpling)) ++dropped;   // never blocks
///     link.flush(std::chrono::seconds(2));   // what could not be delivered: link.counters().waiting
///     link.stop();
class ReconnectingClient {
 public:
  ReconnectingClient(ClientOptions options, ReconnectOptions reconnect, ReconnectHandlers handlers);
  /// As stop(): nothing waits for delivery; call flush() before.
  ~ReconnectingClient();
  ReconnectingClient(const ReconnectingClient&) = delete;
  ReconnectingClient& operator=(const ReconnectingClient&) = delete;

  /// Until stop(), or until no further try is to be made.
  void run();
  void start();
  /// Queues a text message (valid UTF-8). False, and counted as refused: the queue is full.
  bool send(std::string_view message);
  /// Many at once, each with a newline behind it. Gives what found no room, from the first such message on;
  /// not counted.
  std::string_view send_lines(std::string_view lines);
  /// Waits until the hub has confirmed everything sent so far. False: the deadline came first.
  bool flush(std::chrono::milliseconds deadline);
  /// Ends the connection with this close code, within two seconds at the latest. Further calls do nothing.
  void stop(std::uint16_t code = close_code::normal, std::string_view reason = {});
  bool connected() const;
  OutgoingCounters counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace spiderling
