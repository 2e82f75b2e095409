// What all connections of a hub share. For src/hub itself: includes Asio.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/boost_asio.h"
#include "base/log.h"
#include "dumplings/dumpling.h"
#include "hub/frame_log.h"
#include "hub/hub.h"
#include "hub/interests.h"

namespace spiderling {

using Tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using SteadyClock = std::chrono::steady_clock;

class Connection;

/// Why a connection was not let in.
enum class Rejection : std::uint8_t {
  tls,          ///< the TLS handshake failed
  not_http,     ///< what came was no HTTP request, or no upgrade to a WebSocket that we know
  no_token,     ///< none, or a wrong one
  origin,       ///< a web page from elsewhere
  full,         ///< as many kitchens or eaters as permitted
  no_hello,     ///< it did not come in time
  bad_hello,    ///< it was none
  crowded_out,  ///< too many connections without a hello: the oldest had to go
  last_
};
inline constexpr std::size_t rejection_count = static_cast<std::size_t>(Rejection::last_);
std::string_view name_of(Rejection why);

struct HubCounters {
  std::uint64_t dumplings_in = 0;  ///< valid ones
  std::uint64_t bytes_in = 0;      ///< of valid ones, as text
  std::uint64_t invalid = 0;
  std::uint64_t status_refused = 0;  ///< kitchens' words about their chefs: no such thing, or too much
  std::uint64_t sent_before = 0;     ///< by eaters that are gone
  std::uint64_t dropped_before = 0;  ///< by eaters that are gone
  std::uint64_t bytes_out = 0;       ///< written to all connections
  std::uint64_t slow_closed = 0;     ///< eaters closed because they were slow or stuck
  std::uint64_t kitchens_seen = 0;
  std::uint64_t eaters_seen = 0;
  std::array<std::uint64_t, rejection_count> rejected{};

  std::uint64_t all_rejected() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : rejected) sum += count;
    return sum;
  }
};

/// One thread: the one in Hub::run().
class HubState {
 public:
  explicit HubState(const HubOptions& given) : options(given) {}

  HubOptions options;
  std::uint16_t in_port = 0;
  std::uint16_t out_port = 0;
  bool stopping = false;
  const SteadyClock::time_point started = SteadyClock::now();

  FrameLog log;
  NameTable names;
  DumplingReader reader;
  HubCounters counters;
  std::size_t handlers_held = 0;  ///< by the KitchenFigures of all kitchens
  log::RateLimit invalid_log{std::chrono::seconds(1)};
  log::RateLimit rejected_log{std::chrono::seconds(1)};
  log::RateLimit coming_log{std::chrono::seconds(1), 100};

  // Behind what connections use in their destructors: pending operations own their connections.
  asio::io_context context{1};
  std::optional<asio::ssl::context> tls;

  /// A new connection takes part; the oldest without a hello makes room if there are too many.
  void add(const std::shared_ptr<Connection>& connection);
  /// It has said hello, or is gone: it no longer counts as waiting.
  void no_longer_waiting() { --waiting_; }
  void add_kitchen(Connection& connection) { kitchens_.push_back(&connection); }
  void add_eater(Connection& connection) { eaters_.push_back(&connection); }
  /// Some connection is gone: it is forgotten when no list is being walked.
  void sweep_soon() { sweep_wanted_ = true; }
  void sweep();

  const std::vector<std::shared_ptr<Connection>>& connections() const { return connections_; }
  const std::vector<Connection*>& kitchens() const { return kitchens_; }
  const std::vector<Connection*>& eaters() const { return eaters_; }

  /// Soon, once for all that came in meanwhile: writes what waits to every eater that takes it.
  /// Behind it, `then` writes what it has to say.
  void schedule_flush(std::shared_ptr<Connection> then = nullptr);
  void send_status();
  void reject(Rejection why, const Connection& connection, std::string_view detail);

  std::uint64_t dumplings_out() const;
  std::uint64_t dumplings_dropped() const;

 private:
  void flush();

  std::vector<std::shared_ptr<Connection>> connections_;
  std::vector<Connection*> kitchens_;
  std::vector<Connection*> eaters_;
  std::vector<std::shared_ptr<Connection>> after_flush_;
  std::deque<std::weak_ptr<Connection>> waiting_order_;
  std::size_t waiting_ = 0;
  bool sweep_wanted_ = false;
  bool flush_scheduled_ = false;
};

}  // namespace spiderling
