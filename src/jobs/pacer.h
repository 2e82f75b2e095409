// How fast targets are asked: all together, and those that are neighbours.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <queue>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "spiderling/job.h"

namespace spiderling {

struct PacerOptions {
  double rate = 0;             ///< jobs a second; 0: as many as are wanted
  double rate_per_prefix = 0;  ///< jobs a second towards an IPv4 /24 or IPv6 /48; 0: as many as are wanted
  std::size_t room = 10'000;   ///< jobs that wait for their prefix, at most
};

/// Jobs in, jobs out when it is their time. A job whose prefix was asked a moment ago waits in a room of its
/// own and holds up no job of another prefix; only when that room is full nothing more comes in. Within a
/// prefix the order stays. Time is what the caller says it is, and never goes back.
///
///     rate 500: at most 500 in any second, but those of 20 ms may come at once, for a caller that looks
///     seldom.
///
/// Thread-safety: one thread.
class Pacer {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  explicit Pacer(const PacerOptions& options);

  /// Whether add() may be called.
  bool has_room() const { return waiting_ < options_.room && lanes_.size() < most_lanes; }
  void add(Job job, Time now);
  /// Whether the rate of all together lets a job out now, if there is one.
  bool open(Time now) const { return options_.rate <= 0 || free_at_ <= now; }
  /// False: none is to go yet.
  bool take(Time now, Job& job);
  /// Jobs in it.
  std::size_t waiting() const { return waiting_; }
  /// All jobs in it, whether or not it is their time. It is empty then.
  std::vector<Job> clear();

 private:
  static constexpr std::size_t most_lanes = 200'000;
  struct Lane {
    Time free_at;
    std::deque<Job> jobs;
  };
  struct Due {
    Time at;
    std::uint64_t order;
    std::uint64_t prefix;
    bool operator>(const Due& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  void spend(Time now, Job&& from, Job& to);

  const PacerOptions options_;
  const Duration interval_;
  const Duration prefix_interval_;
  Time free_at_{};
  std::deque<Job> free_;  // of no prefix
  // Each lane is in due_ once: with jobs, or until its prefix may be asked again.
  boost::unordered_flat_map<std::uint64_t, Lane> lanes_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::uint64_t order_ = 0;
  std::size_t waiting_ = 0;
};

/// The prefix whose targets are neighbours: an IPv4 /24, an IPv6 /48. As a number, 0 for no address.
std::uint64_t neighbourhood(const IpAddress& address);

}  // namespace spiderling
