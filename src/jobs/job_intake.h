// From a list of targets to the jobs that are asked, one by one and in time.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/unordered/unordered_flat_set.hpp>

#include "jobs/job_reader.h"
#include "jobs/pacer.h"
#include "jobs/retry_room.h"
#include "jobs/shuffle_window.h"
#include "jobs/target_filter.h"

namespace spiderling {

struct JobIntakeOptions {
  TargetFilterOptions filter{};
  std::optional<std::uint16_t> port{};  ///< every job gets it, before duplicates are judged
  bool shuffle = false;
  std::size_t shuffle_window = 50'000;
  std::uint64_t seed = 1;
  std::uint64_t max_targets = 0;             ///< 0: all
  std::chrono::milliseconds max_duration{};  ///< since the first job was asked for; 0: for ever
  PacerOptions pace{};
  bool gives_again = false;  ///< give_again() will be called: the end waits for it
  unsigned retries = 0;
  std::chrono::milliseconds retry_pause{10'000};
  std::size_t retry_room = 10'000;  ///< while so many wait to be asked again, no new job is taken
  /// True: the job needs nothing any more, an earlier run has finished it. Asked of each job that would be
  /// given, in the order and the number that a first run would have given: duplicates and `max_targets` count
  /// such jobs too.
  std::function<bool(const Job&)> skip{};
  /// For tests.
  std::function<Pacer::Time()> now = [] { return std::chrono::steady_clock::now(); };
};

/// Every job that was read is in exactly one of these: given, left out for a reason, or still inside.
struct IntakeCounters {
  std::uint64_t given = 0;            ///< different jobs
  std::uint64_t asked_again = 0;      ///< times that a job was given once more
  std::uint64_t repeated = 0;         ///< times that a job was given again for another reason: give_again()
  std::uint64_t without_address = 0;  ///< of those given
  std::uint64_t forgotten = 0;        ///< jobs whose duplicates would no longer be found
  std::array<std::uint64_t, left_out_reasons> left_out{};
  bool reached_max_targets = false;  ///< the list was not read further
  bool reached_max_duration = false;

  std::uint64_t of(LeftOut reason) const { return left_out[static_cast<std::size_t>(reason)]; }
  std::uint64_t all_left_out() const;
  /// ", left out: 12 opted out, 3 duplicates; ..." for the last line of a run; empty if there is nothing to
  /// say.
  std::string text() const;
};

/// Takes jobs from a reader; leaves out those that must not, or need not, be asked; gives the others in order
/// or shuffled, no faster than allowed; and those again that came to nothing. All in bounded memory.
///
///     reader -> port, opt-out, blocklists, allowlist, duplicates -> shuffle -> max_targets -> skip -> pace
///
/// Thread-safety: one thread, that which uses the reader.
class JobIntake {
 public:
  /// The reader outlives it.
  JobIntake(JobReader& reader, JobIntakeOptions options);

  using State = JobReader::State;
  /// Never waits. `ended`: no more jobs, ever. With retries it is not the end before every job that was given
  /// is finished. `waiting`: ask again in a few milliseconds.
  State next(Job& job);
  /// Waits for the list, for a caller that has nothing else to do and asks for no pace and no retries. False:
  /// the end.
  bool wait(Job& job);

  /// How often a job that was given is asked by now: from 1.
  unsigned attempt(const Job& job) const { return retries_.attempt(job); }
  bool may_ask_again(const Job& job) const {
    return options_.retries > 0 && !stopped_ && retries_.may_ask_again(job);
  }
  /// Of a job that was given: either this, if it may be asked again ...
  void ask_again(Job job, Attempted found);
  /// ... or this, to be measured once more without a pause, at the pace of all, ...
  void give_again(Job job);
  /// ... or this.
  void finished(const Job& job);

  /// Ends it: next() says so from now on. What is inside is left out.
  void stop();
  /// At the end of a run: what was found of jobs that were to be asked again and were not.
  std::vector<Attempted> leftovers() { return retries_.clear(); }

  const IntakeCounters& counters() const { return counters_; }
  bool retries() const { return options_.retries > 0; }
  const JobReader& reader() const { return reader_; }

 private:
  State pull(Job& job, bool waits);
  State read(Job& job, bool waits);
  void end_at_max_targets();
  State fill_window(bool waits);
  bool accept(Job& job);
  bool must_stop(Pacer::Time now);
  void give(const Job& job);
  bool all_is_done() const;
  void leave_out(LeftOut reason, std::uint64_t count = 1);

  JobReader& reader_;
  const JobIntakeOptions options_;
  TargetFilter filter_;
  std::optional<ShuffleWindow> window_;
  Pacer pacer_;
  RetryRoom retries_;
  std::deque<Job> again_;                                 // of give_again(), not in the pacer yet
  boost::unordered_flat_set<std::uint64_t> again_lines_;  // and those that are, by their line
  IntakeCounters counters_;
  std::optional<Pacer::Time> started_;
  std::uint64_t targets_ = 0;     // that passed the filter, those to be skipped too
  std::uint64_t out_ = 0;         // given and neither finished nor put back
  std::uint64_t new_inside_ = 0;  // in the pacer, for the first time
  bool list_ended_ = false;
  bool stopped_ = false;
};

}  // namespace spiderling
