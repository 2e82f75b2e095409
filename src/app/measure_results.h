// `spiderling measure`, the last part of a job's way: what was merged of it -> conditions -> a line of
// results.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "app/loop_guard.h"
#include "app/measure_parts.h"
#include "spiders/condition_counts.h"
#include "spiders/merger.h"
#include "spiders/result_json.h"
#include "spiders/votes.h"

namespace spiderling::app {

struct ResultCounters {
  std::uint64_t results = 0;
  std::uint64_t unobserved = 0;  ///< flows that were expected and not observed
  std::uint64_t lossy = 0;       ///< flows of which the kernel dropped packets, or over which a chain failed
};

/// Asks the measurement what it concludes; measures a target once more, or asks it again, where the options
/// say so; and writes each result once. In the loop's thread, but for write_what_there_is().
class MeasureResults {
 public:
  /// All are used as long as this lives. `cannot_write` is called when no more is wanted, or can be written.
  MeasureResults(MeasureParts& parts, PluginCalls& calls, LoopGuard& guard,
                 std::function<void()> cannot_write);

  void add(MergedJob&& job);
  void flush();
  /// At the end of the run: of jobs that were to be measured or asked again, what was found before. With a
  /// journal they are not done, and the next run asks them.
  void close();

  /// For the guard, when the loop does not come back any more.
  void write_what_there_is();

  const ConditionCounts& conditions() const { return conditions_; }
  const ResultCounters& counters() const { return counters_; }

 private:
  void add_decided(const AnsweredJob& answered);
  void write(const JobResult& result);
  void decide_the_rest();
  void write_leftovers();
  void flush_owned();

  MeasureParts& parts_;
  PluginCalls& calls_;
  LoopGuard& guard_;
  const std::function<void()> cannot_write_;
  ResultJson json_;
  Votes votes_;
  ConditionCounts conditions_;
  ResultCounters counters_;
  std::string lines_;  // not written yet
};

}  // namespace spiderling::app
