// Jobs that are asked again, and what was found of them so far.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "spiderling/conditions.h"
#include "spiderling/job.h"

namespace spiderling {

/// What one attempt at a job found: kept until the next one has found something, and written if there is
/// none.
struct Attempted {
  std::uint64_t line = 0;  ///< of the job
  std::string result;      ///< its line of JSON
  std::vector<Condition> conditions;
};

/// Holds jobs for a while after they came to nothing. How often each was asked is known by its line in the
/// list. One thread.
class RetryRoom {
 public:
  using Time = std::chrono::steady_clock::time_point;

  RetryRoom(unsigned most_retries, std::chrono::milliseconds pause)
      : most_retries_(most_retries), pause_(pause) {}

  /// How often the job was asked, this time included: from 1.
  unsigned attempt(const Job& job) const;
  bool may_ask_again(const Job& job) const { return attempt(job) <= most_retries_; }
  /// Keeps what was found and gives the job out again, not before the pause is over.
  void put_back(Job job, Attempted found, Time now);
  /// False: none is to be asked yet.
  bool take(Time now, Job& job);
  /// Its last result is known.
  void finished(const Job& job) { kept_.erase(job.line); }

  /// Jobs that wait here.
  std::size_t waiting() const { return waiting_.size(); }
  /// What was found of all that were to be asked again and have not come back. It is empty then.
  std::vector<Attempted> clear();

 private:
  struct Waiting {
    Time due;
    Job job;
  };
  struct Kept {
    unsigned attempts = 1;
    Attempted found;
  };
  const unsigned most_retries_;
  const std::chrono::milliseconds pause_;
  std::deque<Waiting> waiting_;
  boost::unordered_flat_map<std::uint64_t, Kept> kept_;
};

}  // namespace spiderling
