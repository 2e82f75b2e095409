// The middleboxes that need more than rules: packets go through this program, by way of a TUN device.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <queue>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "lab/plan.h"
#include "lab/scenario.h"
#include "spiderling/bytes.h"

namespace spiderling::lab {

/// What the boxes do, without clock, device or thread: packets and the time go in, packets that are due come
/// out. What it does at random is the same in every run.
class BoxForwarder {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// Takes an IP packet that is to be sent now; borrowed.
  using Send = std::function<void(Bytes)>;

  /// Packets held at any time are at most this many bytes; what comes when it is full is dropped and counted.
  static constexpr std::size_t max_held_bytes = std::size_t{64} << 20;

  /// Borrows both.
  BoxForwarder(const Scenario& scenario, const AddressPlan& plan);

  /// A packet that came from either side. It may be changed. What is of no box's target is sent as it is.
  void take(std::span<std::uint8_t> packet, Time now, const Send& send);
  /// Sends what was held long enough.
  void send_due(Time now, const Send& send);
  /// When send_due() will have something to do.
  std::optional<Time> next_due() const;
  std::uint64_t dropped_when_full() const { return dropped_when_full_; }

 private:
  struct Held {
    Time due;
    std::uint64_t order = 0;
    std::vector<std::uint8_t> bytes;
    friend bool operator>(const Held& a, const Held& b) {
      return a.due != b.due ? a.due > b.due : a.order > b.order;
    }
  };
  bool happens(double percent);
  void hold(Bytes packet, Time due);

  const Scenario& scenario_;
  const AddressPlan& plan_;
  std::priority_queue<Held, std::vector<Held>, std::greater<>> held_;
  std::size_t held_bytes_ = 0;
  std::uint64_t held_ever_ = 0;
  std::uint64_t dropped_when_full_ = 0;
  std::minstd_rand random_{1};
};

/// Opens the TUN device of the router's namespace, which the calling thread must be in.
Result<FileDescriptor> open_tun(const std::string& name);

/// Forwards until the device is gone. Returns the reason.
Error run_forwarder(const FileDescriptor& tun, const Scenario& scenario, const AddressPlan& plan);

}  // namespace spiderling::lab
