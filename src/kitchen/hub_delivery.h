// Brings dumplings to a hub, whatever becomes of the hub meanwhile.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/log.h"
#include "kitchen/dumpling_sink.h"
#include "websocket/reconnecting_client.h"

namespace spiderling {

struct HubDeliveryOptions {
  ClientOptions
      client;  ///< the hub, the hello, and in `queue` how many dumplings, of how many bytes, may wait
  /// Asked again and again while the buffer is full: true waits for room (a trace, which can wait), false
  /// drops the dumpling (live packets, which cannot). Empty: always drops.
  std::function<bool()> wait_for_room;
};

/// put = delivered + dropped + undelivered.
struct HubDeliveryCounters {
  std::uint64_t put = 0;
  std::uint64_t delivered = 0;  ///< the hub has confirmed them
  std::uint64_t dropped =
      0;  ///< the buffer was full: the newest ones are refused, those that wait keep their place
  std::uint64_t undelivered = 0;  ///< still waiting
  std::uint64_t sent_again =
      0;  ///< were on their way when the connection broke; the hub may have had them already
  bool ever_connected = false;
};

/// A sink that is a hub. Connects in a thread of its own, again and again; what is put waits meanwhile in a
/// bounded buffer, in order. A dumpling leaves the buffer when the hub has answered a ping sent behind it, so
/// a hub that dies loses none that it had not read; those it may or may not have read are sent again.
///
/// Thread-safety: put(), finish() and the destructor from one thread; counters() from any.
class HubDelivery final : public DumplingSink {
 public:
  explicit HubDelivery(HubDeliveryOptions options);
  ~HubDelivery() override;

  bool put(std::string_view lines, std::size_t count) override;
  /// Waits until all is delivered, at most so long, and ends the connection.
  void finish(std::chrono::milliseconds deadline);
  HubDeliveryCounters counters() const;

 private:
  std::string_view drop_first(std::string_view lines);
  bool room_came();
  void say_lost(std::uint16_t code, const std::string& why, std::chrono::milliseconds next_try);
  void say_failed(const std::string& problem, std::chrono::milliseconds next_try);

  HubDeliveryOptions options_;
  std::string uri_;
  std::atomic<bool> ever_connected_ = false;
  std::atomic<std::uint64_t> put_ = 0;
  std::atomic<std::uint64_t> dropped_ = 0;
  log::RateLimit full_log_{std::chrono::seconds(10)};
  log::RateLimit failed_log_{std::chrono::seconds(60)};  // the client's thread
  std::string last_problem_;                             // likewise
  ReconnectingClient client_;                            // last: its thread uses what is above
};

}  // namespace spiderling
