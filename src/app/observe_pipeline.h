// `spiderling observe`, running: source -> a shard a thread -> blocks of output -> the writer.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/output_blocks.h"
#include "base/bounded_queue.h"
#include "capture/source.h"
#include "capture/trace_writer.h"
#include "dumplings/flow_record_json.h"
#include "flows/observer.h"

namespace spiderling::app {

struct PipelineOptions {
  std::size_t shards = 1;
  ObserverOptions observer;
  std::optional<std::chrono::nanoseconds> duration;  ///< live: of the wall clock; traces: of packet time
};

/// What a run looks like from outside while it goes on.
struct PipelineProgress {
  std::uint64_t packets = 0;
  std::uint64_t records = 0;
  SourceProgress source;
};

struct PipelineResult {
  ObserverCounters observer;             ///< of all shards
  std::vector<ObserverCounters> shards;  ///< of each
  std::vector<ChainFigures> chains;      ///< of all shards, by the chain's number; set aside: in one of them
  SourceCounters source;
  std::string kept_failure;  ///< why frames could not be kept to the end
};

/// Takes whole records, one a line. False: no more is wanted.
using RecordWriter = std::function<bool(std::string_view records)>;

/// Threads: one a shard; the caller's is the writer. Shards wait when the writer is behind (a live source
/// then drops in the kernel, where it is counted).
class ObservePipeline {
 public:
  /// `kept`: where frames are kept as they were seen, or nullptr. All references outlive the pipeline.
  ObservePipeline(Source& source, const ChainSet& chains, const PipelineOptions& options,
                  RecordWriter write_records, TraceWriter* kept);
  ~ObservePipeline();

  /// Until the source ends. `tick` is called about ten times a second; when it returns false the run is
  /// brought to an orderly end: what is known is emitted.
  PipelineResult run(const std::function<bool(const PipelineProgress&)>& tick);

 private:
  class Shard;

  void write(const OutputBlock& block, PipelineResult& result);
  PipelineProgress progress() const;

  Source& source_;
  const ChainSet& chains_;
  PipelineOptions options_;
  RecordWriter write_records_;
  bool wanted_ = true;
  TraceWriter* kept_;
  FlowRecordJson json_;
  BlockExchange blocks_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace spiderling::app
