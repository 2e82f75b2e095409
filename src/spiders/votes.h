// Answers about a job that is measured several times: the one that most of the times gave.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "spiderling/conditions.h"
#include "spiders/merger.h"

namespace spiderling {

/// A job's connections, and what they say.
struct AnsweredJob {
  MergedJob job;
  std::vector<Condition> conditions;
  std::size_t times = 1;  ///< that the job was measured
};

/// A packet that was lost by chance looks like one that was dropped for what it is; chance does not lose it
/// again and again. All conditions of one time stand together, with the flows that they come from; of several
/// answers that came equally often the first counts. Holds the jobs that are not decided: one copy of each
/// different answer. One thread.
///
///     Votes votes(3);
///     if (auto decided = votes.add(std::move(answered))) write(*decided);
///     else measure_again(job);
class Votes {
 public:
  /// `times`: each job is measured at most so often, and no more than it takes to decide.
  explicit Votes(std::size_t times) : times_(times) {}

  /// One more time. The decision, if there is one now.
  std::optional<AnsweredJob> add(AnsweredJob answered);
  /// Decides the rest by what there is.
  std::vector<AnsweredJob> close();
  /// Jobs that are not decided.
  std::size_t open() const { return ballots_.size(); }

 private:
  struct Answer {
    AnsweredJob first;
    std::size_t votes = 1;
  };
  struct Ballot {
    std::vector<Answer> answers;
    std::size_t times = 0;
  };
  static AnsweredJob winner(Ballot&& ballot);

  const std::size_t times_;
  boost::unordered_flat_map<std::uint64_t, Ballot> ballots_;  // by the job's line
};

}  // namespace spiderling
