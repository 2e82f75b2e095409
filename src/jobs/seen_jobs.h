// Which targets a list has named before, in memory that is bounded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "spiderling/job.h"

namespace spiderling {

/// Remembers jobs by (dip, dp, domain), each as a hash of 64 bits under a key that nobody who writes a list
/// can know: some 10 bytes a job. When `room` jobs are remembered, the older half of them is forgotten; a
/// list of more than half of that may then have a job twice. Two jobs that are not the same are taken for
/// the same once in 2^64 comparisons: in a list of a million jobs, one time in 37 million.
///
/// Thread-safety: one thread.
class SeenJobs {
 public:
  static constexpr std::size_t usual_room = 4'000'000;

  explicit SeenJobs(std::size_t room = usual_room);

  /// True if the job is remembered; else it is from now on.
  bool seen_before(const Job& job);
  /// How many jobs were forgotten.
  std::uint64_t forgotten() const { return forgotten_; }
  /// Bytes of its tables.
  std::size_t bytes() const;

 private:
  // Hashes in open addressing, in parts that grow one at a time: growing never holds two whole tables.
  class Table {
   public:
    bool contains(std::uint64_t hash) const;
    void insert(std::uint64_t hash);  // that is not in it
    std::size_t size() const { return size_; }
    std::size_t bytes() const;
    void clear();

   private:
    static constexpr std::size_t parts = 256;
    struct Part {
      std::vector<std::uint64_t> slots;  // 0: free
      std::size_t used = 0;
    };
    static std::size_t find(const Part& part, std::uint64_t hash);
    static void grow(Part& part);
    std::array<Part, parts> parts_;
    std::size_t size_ = 0;
  };

  std::uint64_t hash_of(const Job& job);

  const std::size_t half_room_;
  std::array<std::uint64_t, 2> key_;
  Table newer_;
  Table older_;
  std::string text_;  // kept for its memory
  std::uint64_t forgotten_ = 0;
};

/// SipHash-2-4, by Aumasson and Bernstein.
std::uint64_t keyed_hash(const std::array<std::uint64_t, 2>& key, std::string_view bytes);

}  // namespace spiderling
