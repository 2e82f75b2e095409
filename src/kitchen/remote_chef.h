// Chefs whose handlers run in another thread, because what runs them may lag behind: Python.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "dumplings/kitchen_status.h"
#include "kitchen/dumpling_lines.h"
#include "spiderling/chef.h"

namespace spiderling {

/// What a kitchen asks of such a chef.
struct RemoteTerms {
  /// True (a trace): what finds no room waits. False (live): it is dropped, the newest first, and counted.
  bool wait_for_room = false;
  /// True: dumplings bear the time that comes with their packet or poke; false: the time at which they are
  /// made.
  bool packets_time = false;
  FailureLimit max_failures{};
};

struct RemoteCounters {
  std::uint64_t dropped = 0;        ///< packets that found no room
  std::uint64_t skipped_pokes = 0;  ///< pokes that came while the one before was still waiting
  std::uint64_t waiting = 0;        ///< packets and pokes that have not been handled yet
  std::uint64_t handled = 0;        ///< packets and pokes
  std::uint64_t failures = 0;       ///< handlers that raised
  std::uint64_t unwritable = 0;     ///< payloads that JSON cannot say
  bool set_aside = false;
};

/// Gets copies of the packets through a bounded queue of its own; its kitchen fetches what its handlers
/// returned. Its kitchen's other chefs never wait for it, unless the terms say so. All members are called by
/// the kitchen's thread, and none of them waits for a handler; Chef's own handlers are not called.
class RemoteChef : public Chef, public MeteredElsewhere {
 public:
  /// What a handler returned, as JSON on one line.
  using Serve = std::function<void(Driver driver, Timestamp created, std::string_view json)>;

  /// Once, before the first packet and after join().
  virtual void open(const RemoteTerms& terms) = 0;
  /// False: it has found no room and was not taken, see RemoteTerms::wait_for_room.
  virtual bool give(const Packet& packet, Timestamp created) = 0;
  virtual bool poke(std::chrono::duration<double> interval, Timestamp created) = 0;
  /// What was given may wait for more to come until this is called.
  virtual void hand_over() = 0;
  /// Hands on what has been returned since the last time, in order.
  virtual void collect(const Serve& serve) = 0;
  /// Until there is room, or something to collect, or all is done; no longer than `most`.
  virtual void wait(std::chrono::milliseconds most) = 0;
  /// Nothing more will come; what waits is still handled.
  virtual void last() = 0;
  /// After last(): all is handled.
  virtual bool done() const = 0;
  /// Nothing more will be collected: handlers are not called any more. One that runs is left behind.
  virtual void abandon() = 0;
  virtual RemoteCounters counters() const = 0;
};

}  // namespace spiderling
