// Runs chefs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/handler_meter.h"
#include "capture/filter.h"
#include "capture/frame.h"
#include "dumplings/kitchen_status.h"
#include "kitchen/dumpling_lines.h"
#include "kitchen/poke_clock.h"
#include "spiderling/chef.h"

namespace spiderling {

struct KitchenOptions {
  std::string name = "default_kitchen";
  std::chrono::nanoseconds poke_interval = std::chrono::seconds(5);
  /// Whose time passes for pokes and creation times. Packets' (traces): what comes out does not depend on how
  /// fast the trace is read. The clock's (live).
  enum class Time { of_packets, of_day } time = Time::of_day;
  /// When a chef is set aside.
  FailureLimit max_failures{};
  /// Looks for handlers that block; outlives the kitchen. nullptr: nobody does.
  Watchdog* watchdog = nullptr;
  /// Every so often, by the clock, and at the end, the kitchen makes a dumpling of its own, see
  /// KitchenStatus. Zero: never.
  std::chrono::nanoseconds status_interval{};
  /// Asked while the kitchen waits for a remote chef: true if it shall not wait any more.
  std::function<bool()> give_up{};
};

struct KitchenCounters {
  std::uint64_t packets = 0;
  std::uint64_t malformed = 0;       ///< of them: something in it was cut or impossible; chefs still got it
  std::uint64_t failures = 0;        ///< handlers that threw
  std::uint64_t set_aside = 0;       ///< chefs that get nothing more, since they failed again and again
  std::uint64_t skipped_pokes = 0;   ///< beyond what is made up for, see PokeClock
  std::uint64_t forgotten = 0;       ///< by chefs whose memory is bounded
  std::uint64_t remote_dropped = 0;  ///< packets for which a remote chef had no room, one a chef
  std::uint64_t left_behind = 0;     ///< packets and pokes that a remote chef had not handled at the end
  DumplingCounters dumplings;
};

/// Gives each packet, decoded once, to the chefs that want it, and pokes them. A chef's handlers never run at
/// the same time, since all runs in the caller's thread. A handler that throws, or whose payload JSON cannot
/// say, is logged the first time and counted; it harms no one else. A chef one of whose handlers throws
/// max_failures times in a row is set aside: none of its handlers is called any more. One thread.
///
/// A RemoteChef runs its handlers in a thread of its own; the kitchen gives it copies and fetches what it
/// made.
///
///     Kitchen kitchen({.name = "k"}, sink);
///     if (auto taken = kitchen.take_on(*description); !taken) ...
///     kitchen.start(); kitchen.process(frames); kitchen.finish();
class Kitchen {
 public:
  /// `sink` outlives the kitchen.
  Kitchen(KitchenOptions options, DumplingSink& sink);
  ~Kitchen();

  /// Before start(). `description` outlives the kitchen. An error if the chef cannot be made.
  Result<void> take_on(const ChefDescription& description);

  /// Live: the first poke. Of packets' time the first packet brings it.
  void start();
  void process(std::span<const Frame> frames);
  /// Live: lets the time of day pass when no packets come. Of packets' time: says that it is that late at
  /// least.
  void pass_time(std::optional<Timestamp> at_least = std::nullopt);
  /// Live: how long pass_time() can wait.
  std::chrono::nanoseconds until_next_poke() const;
  /// The end. Of packets' time one more poke, for what was gathered since the last; then hands on all
  /// dumplings.
  void finish();
  /// Hands on the dumplings made so far; process() does so only when many have come together.
  void flush() { lines_.flush(); }
  /// False: the sink wants no more, or all chefs were set aside.
  bool wanted() const { return lines_.wanted() && !all_set_aside(); }
  /// There were chefs, and none is left.
  bool all_set_aside() const;
  KitchenCounters counters() const;
  /// What each chef's handlers did so far.
  std::vector<ChefReport> reports() const;

 private:
  struct Cook;  // a chef at work

  void show(const Frame& frame);
  void cook(Cook& cook, const Frame& frame);
  void poke_all(std::int64_t at_ns);
  void serve(Cook& cook, const DumplingLabel& label, const Payload& payload, Timestamp time);
  void failed(Cook& cook, HandlerMeter& handler, const char* why);
  void let_go_of_set_aside();
  void give(Cook& cook);
  void poke(Cook& cook, std::int64_t at_ns);
  bool wait_for(Cook& cook);
  void collect();
  void finish_remote();
  void leave_behind(Cook& cook);
  void tell_status(std::int64_t now_ns);
  void make_status(std::int64_t now_ns);
  bool keep_time(std::int64_t time_ns);
  void poke_due(std::int64_t now_ns);
  Timestamp now() const;
  bool packets_time() const { return options_.time == KitchenOptions::Time::of_packets; }

  KitchenOptions options_;
  DumplingLines lines_;
  PokeClock pokes_;
  DumplingLabel by_kitchen_;
  std::int64_t started_ns_;
  std::int64_t next_status_ns_;
  std::vector<std::unique_ptr<Cook>> cooks_;
  std::vector<Cook*> packet_cooks_;
  std::vector<Cook*> remote_cooks_;
  Layers wanted_{};
  Packet packet_;
  std::optional<std::int64_t> packet_time_;  // the latest seen
  std::uint32_t packets_behind_ = 0;
  bool newly_set_aside_ = false;
  KitchenCounters counters_;
};

}  // namespace spiderling
