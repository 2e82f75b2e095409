// When the network was away, and what that makes of what was found meanwhile. No clock, no sockets.
#pragma once

#include <chrono>
#include <deque>
#include <string>

#include "spiderling/packet.h"

namespace spiderling {

/// Told of good and bad signs as they come, in the order of their times. One thread.
///
///     outages.there(now);                       // a good sign
///     if (outages.judge(start, stop) == Outages::Verdict::ask_again) ...
class Outages {
 public:
  /// After so long without a bad sign the network is back: routes and addresses come one by one.
  static constexpr std::chrono::milliseconds settling{1000};

  /// As far as we know it is there.
  explicit Outages(Timestamp now) : last_good_(now) {}

  void there(Timestamp at);
  /// Since the last good sign it may have been away; it was at this time.
  void away(Timestamp at, std::string why);

  bool is_away() const { return !why_.empty(); }
  /// For a person; empty if it is there.
  const std::string& why() const { return why_; }

  enum class Verdict : std::uint8_t {
    counts,     ///< it was there all the time
    wait,       ///< not known yet: a sign must come
    ask_again,  ///< it was away meanwhile
  };
  /// Of a job that came to nothing between these times.
  Verdict judge(Timestamp start, Timestamp stop) const;

 private:
  struct Span {
    Timestamp from, to;
  };
  Timestamp last_good_;
  Timestamp good_since_{};  // while it is away: of good signs without a bad one between them
  bool seems_back_ = false;
  Timestamp away_from_{};
  std::string why_;
  std::deque<Span> past_;  // oldest first
};

}  // namespace spiderling
