// How often each condition was found.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spiderling/conditions.h"

namespace spiderling {

/// Counts the conditions of a run, in memory that does not grow with it: of more than `most` different ones
/// (ports and lengths may be values), those that come later are counted together. One thread.
///
///     counts.add(conditions);                    // each job
///     fmt::print(stderr, "{}", counts.table(color));
class ConditionCounts {
 public:
  explicit ConditionCounts(std::size_t most = 1000) : most_(most) {}

  /// The conditions of one job; there may be none.
  void add(std::span<const Condition> conditions);

  struct Count {
    std::string condition;
    std::uint64_t count;
  };
  /// Aspect by aspect, by name; within an aspect the most frequent first. Equal counts: by name. So the order
  /// does not depend on that of the jobs.
  std::vector<Count> list() const;
  std::uint64_t jobs() const { return jobs_; }
  /// Of conditions that had no place of their own.
  std::uint64_t others() const { return others_; }

  /// For a person, a condition a line with its count and share of the jobs; a blank line between aspects.
  /// Empty if there is none.
  ///
  ///     condition                    jobs    share
  ///     ecn.connectivity.works        940   94.0 %
  ///     ecn.connectivity.broken        60    6.0 %
  ///
  ///     ecn.negotiation.succeeded     901   90.1 %
  std::string table(bool color = false) const;

 private:
  std::size_t most_;
  std::map<std::string, std::uint64_t, std::less<>> counts_;
  std::string key_;  // kept for its memory
  std::uint64_t jobs_ = 0;
  std::uint64_t others_ = 0;
};

/// What a condition is about: its name without its last word, `ecn.connectivity` of `ecn.connectivity.works`.
std::string_view aspect_of(std::string_view condition);

}  // namespace spiderling
