// The hub: kitchens' dumplings in, to every eater out.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "hub/eater_limits.h"

namespace spiderling {

/// What becomes of an eater whose queue is full.
enum class SlowEater : std::uint8_t {
  drop,        ///< its oldest dumplings are left out and counted
  disconnect,  ///< its connection is closed (1008)
};

struct HubOptions {
  std::string address = "localhost";  ///< a name or an address to listen on
  std::uint16_t in_port = 11347;      ///< kitchens; 0: any free port
  std::uint16_t out_port = 11348;     ///< eaters and HTTP; 0: any free port
  std::chrono::milliseconds status_freq{5000};

  /// Who may connect. An address that is not of this machine alone needs a token, or `insecure`.
  std::string token;
  bool insecure = false;
  std::string tls_cert;  ///< PEM file, the whole chain; with tls_key: TLS on both ports
  std::string tls_key;
  std::vector<std::string> allowed_origins;  ///< of web pages, beside the hub's own

  SlowEater slow_eater = SlowEater::drop;
  EaterLimits eater_queue;
  std::size_t max_message_bytes =
      1 << 20;  ///< of a dumpling; a longer one ends the kitchen's connection (1009)
  std::size_t max_kitchens = 1000;
  std::size_t max_eaters = 10'000;
  std::size_t max_waiting = 1000;  ///< connections without a hello; for a new one the oldest is closed

  std::chrono::milliseconds hello_timeout{10'000};   ///< from the connection to the whole hello
  std::chrono::milliseconds ping_every{20'000};      ///< of silence
  std::chrono::milliseconds ping_timeout{20'000};    ///< without an answer, of which the connection is closed
  std::chrono::milliseconds stuck_timeout{900'000};  ///< an eater that took no byte for so long is closed
};

/// A hub of one thread. Measured with 20 eaters, three quarters of its time is the kernel's, which copies to
/// their sockets, and that at 10 M deliveries a second; a second thread would need locks on the log and, on a
/// machine of two cores, take from the eaters what it gives.
///
/// Thread-safety: run() on one thread; stop() and the ports from any.
///
///     auto hub = Hub::open({.in_port = 0, .out_port = 0});
///     if (!hub) return fail(hub.error());
///     (*hub)->run([] { return stop_requested; });
class Hub {
 public:
  /// Listens on both ports, so that clients may connect from now on. The error is one line for a person.
  static Result<std::unique_ptr<Hub>> open(const HubOptions& options);
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  /// Until stop(), or until `stop_requested`, asked several times a second, says so. Then connections are
  /// closed with 4101 "connection cancelled" behind what is queued, within a second at the most.
  void run(const std::function<bool()>& stop_requested = {});
  void stop();

  std::uint16_t in_port() const;
  std::uint16_t out_port() const;

 private:
  struct Impl;
  explicit Hub(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace spiderling
