// Many receivers on one thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "hub/protocol.h"

namespace hub_bench {

/// Times from sending to receiving, in steps of one part in sixteen.
class Latencies {
 public:
  void add(std::uint64_t ns, std::uint64_t count = 1) {
    buckets_[index(ns)] += count;
    total_ += count;
  }
  /// The upper end, in nanoseconds, below which this share of all lies.
  std::uint64_t quantile(double share) const;
  std::uint64_t total() const { return total_; }

 private:
  static std::size_t index(std::uint64_t ns);
  static constexpr std::size_t steps = 16;
  std::array<std::uint64_t, 64 * steps> buckets_{};
  std::uint64_t total_ = 0;
};

/// Reads from all sockets until stopped. One thread runs run(); the counters may be read from any.
class Receivers {
 public:
  Receivers(const Protocol& protocol, std::vector<int> sockets);
  ~Receivers();

  void run();
  void stop() { stopped_ = true; }

  std::uint64_t messages() const { return messages_.load(std::memory_order_relaxed); }
  /// Of the receiver that has the fewest.
  std::uint64_t fewest() const { return fewest_.load(std::memory_order_relaxed); }
  /// From now on latencies are kept.
  void measure() { measuring_ = true; }
  const Latencies& latencies() const { return latencies_; }  ///< once run() has returned
  bool closed() const { return closed_; }                    ///< a server has closed a connection

 private:
  struct Receiver {
    int socket;
    std::uint64_t messages = 0;
    std::string rest;  // of a packet
  };
  bool receive(Receiver& receiver);

  const Protocol& protocol_;
  std::vector<Receiver> receivers_;
  std::vector<char> buffer_;
  int epoll_;
  Latencies latencies_;
  std::atomic<std::uint64_t> messages_{0};
  std::atomic<std::uint64_t> fewest_{0};
  std::atomic<bool> stopped_{false};
  std::atomic<bool> measuring_{false};
  std::atomic<bool> closed_{false};
};

}  // namespace hub_bench
