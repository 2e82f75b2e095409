// Eaters: programs that get dumplings from a hub.
//
//     #include <cstdio>
//     #include <spiderling/eater.h>
//
//     class LookupPrinter : public spiderling::Eater {
//      public:
//       using Eater::Eater;
//       void on_dumpling(const spiderling::EatenDumpling& dumpling) override {
//         std::printf("%.*s\n", int(dumpling.payload.size()), dumpling.payload.data());
//       }
//     };
//
//     int main() {
//       LookupPrinter eater({.name = "lookups", .hub = "localhost:11348", .chefs = {"DNSLookupChef"}});
//       return eater.run(10).problem.empty() ? 0 : 1;   // the next ten lookups
//     }
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spiderling/dumpling.h"

namespace spiderling {

/// What made the chef make the dumpling.
enum class DumplingDriver : std::uint8_t { packet, interval };

/// A dumpling as an eater gets it, checked to be one. The views live as long as the call of on_dumpling().
struct EatenDumpling {
  std::string_view chef;
  std::optional<std::string_view> kitchen;  ///< none: from the hub itself
  DumplingDriver driver = DumplingDriver::packet;
  double creation_time = 0;  ///< seconds since the epoch, UTC
  std::string_view payload;  ///< JSON text as its chef's kitchen wrote it, never `null`
  std::string_view json;     ///< the whole dumpling

  /// The payload as a value. Numbers beyond 64 bits become doubles, escaped halves of surrogate pairs U+FFFD.
  Payload parse_payload() const;
};

struct EaterOptions {
  std::string name{"nameless_eater"};  ///< for the hub's status; ideally unique
  std::string hub{"localhost:11348"};  ///< HOST:PORT, ws://HOST:PORT or wss://HOST:PORT
  /// Only dumplings of these chefs, of these kitchens; empty: all. The hub is asked to send no others.
  std::vector<std::string> chefs{};
  std::vector<std::string> kitchens{};
  bool packet_dumplings = true;
  bool interval_dumplings = true;
  std::string token{};    ///< what the hub wants to see, if it wants any
  std::string ca_file{};  ///< PEM, the authorities to trust for wss://; empty: the system's
  /// After a lost connection, connect again: at once, then in growing waits of up to 15 s.
  bool reconnect = true;
  /// Wait for a hub that is not there yet; false: that is a problem at once.
  bool wait_for_hub = false;
};

struct EaterResult {
  std::uint64_t eaten = 0;    ///< dumplings given to on_dumpling()
  std::uint64_t invalid = 0;  ///< messages that were no dumplings, and were skipped
  std::string problem;        ///< why it ended, if not by count or stop(): one line that says what to do
};

/// Connects to a hub and calls its handlers, which a derived class overrides, with what comes.
///
/// Memory: one message (of up to 16 MiB) at a time. While a handler runs nothing is read: a slow one fills
/// the hub's queue for this eater, where the hub's policy for slow eaters rules.
///
/// Thread-safety: handlers run on the thread that called run(). stop() may be called from any thread, the
/// handlers included, but not from a signal handler: note the signal, and look at the note in on_tick(). All
/// else: one thread.
class Eater {
 public:
  explicit Eater(EaterOptions options);
  virtual ~Eater();
  Eater(const Eater&) = delete;
  Eater& operator=(const Eater&) = delete;

  /// Eats until stop(), until so many dumplings are eaten (then the connection is closed with code 4102), or
  /// until there is no hub to get them from. What a handler throws ends it, and is thrown on.
  EaterResult run(std::optional<std::uint64_t> count = std::nullopt);
  /// Closes the connection with code 4101 and ends run(), for good.
  void stop();

  const EaterOptions& options() const { return options_; }

  /// `hub_uri`: "ws://localhost:11348"
  virtual void on_connect(const std::string& /*hub_uri*/) {}
  virtual void on_dumpling(const EatenDumpling& /*dumpling*/) {}
  /// All dumplings that had come are eaten, and it waits for more: for what is done in batches.
  virtual void on_pause() {}
  /// `next_try`: when it connects again; 0: not any more.
  virtual void on_connection_lost(const std::string& /*why*/, std::chrono::milliseconds /*next_try*/) {}
  /// A try to connect failed, `problem` says what to do; it goes on trying. Not called if that ends run().
  virtual void on_connection_failed(const std::string& /*problem*/, std::chrono::milliseconds /*next_try*/) {}
  /// A message that is no dumpling, and why. It is skipped.
  virtual void on_invalid(const std::string& /*why*/) {}
  /// About ten times a second, whatever comes.
  virtual void on_tick() {}

 private:
  class Run;
  EaterOptions options_;
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace spiderling
