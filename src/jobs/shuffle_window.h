// A list in random order, in memory that does not grow with it.
#pragma once

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "spiderling/job.h"

namespace spiderling {

/// Holds so many jobs and draws from them by chance; the next of the list takes the place of the one that was
/// drawn. A list that fits is shuffled as a whole; of a longer one a job comes later by any number of places,
/// but earlier by the size of the window at most. The same seed and list give the same order.
///
/// Thread-safety: one thread.
class ShuffleWindow {
 public:
  ShuffleWindow(std::size_t size, std::uint64_t seed) : size_(size), random_(seed) {}

  bool is_full() const { return jobs_.size() >= size_; }
  bool is_empty() const { return jobs_.empty(); }
  std::size_t size() const { return jobs_.size(); }
  void put(Job job) { jobs_.push_back(std::move(job)); }
  /// Of one that is not empty.
  Job draw() {
    // The same on every machine, where std::uniform_int_distribution need not be. Windows are small beside
    // 2^32: no job is favoured by more than 1 in 60,000.
    const std::uint64_t at = (random_() >> 32) * jobs_.size() >> 32;
    std::swap(jobs_[at], jobs_.back());
    Job job = std::move(jobs_.back());
    jobs_.pop_back();
    return job;
  }
  void clear() { jobs_.clear(); }

 private:
  std::size_t size_;
  std::mt19937_64 random_;
  std::vector<Job> jobs_;
};

}  // namespace spiderling
