// What `spiderling measure` keeps besides its results: packets, and what is known of the run.
#pragma once

#include <memory>
#include <string>

#include "app/measure_options.h"
#include "campaign/file_clerk.h"
#include "campaign/packet_recorder.h"
#include "campaign/run_metadata.h"
#include "jobs/job_intake.h"
#include "spiders/merger.h"
#include "spiders/plan.h"

namespace spiderling::app {

struct MeasureRunResult;

/// One thread, that of the event loop.
class MeasureEvidence {
 public:
  /// Opens files, and starts the process that makes the later ones: while privileges are there, before any
  /// thread. `go_on`: what an earlier run has kept stays.
  static Result<std::unique_ptr<MeasureEvidence>> make(const Arguments& arguments,
                                                       const MeasureOptions& options, bool go_on);

  /// For the observer; nullptr: packets are not kept.
  FlowPackets* packets() const { return recorder_.get(); }
  /// From here on the run is known to have been. Error: that cannot be written.
  Result<void> begin(const EnginePlan& plan);
  void add(const MergedJob& job);
  /// Why packets are not kept any more, once.
  std::string trouble();
  /// After the last packet. What became of the packets, for the last line; empty: none were wanted.
  std::string finish(const MeasureRunResult& result, const JobCounters& lines, const IntakeCounters& jobs,
                     const Result<void>& verified);
  /// Why the metadata could not be written; empty: it was, or was not wanted. After finish().
  const std::string& failure() const { return failure_; }

 private:
  MeasureEvidence(const Arguments& arguments, const MeasureOptions& options)
      : arguments_(arguments), options_(options) {}
  Result<void> open(bool go_on);
  RunDescription describe(const EnginePlan& plan) const;
  boost::json::object pcap_report() const;

  const Arguments& arguments_;
  const MeasureOptions& options_;
  std::string metadata_path_;  // empty: not wanted
  boost::json::object earlier_;
  std::unique_ptr<FileClerk> clerk_;
  std::unique_ptr<PacketRecorder> recorder_;  // goes before the clerk
  std::unique_ptr<RunMetadata> metadata_;
  std::string failure_;
  bool told_ = false;
};

}  // namespace spiderling::app
