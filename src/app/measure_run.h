// `spiderling measure`, running: jobs -> engine -> results, and what a person sees of it meanwhile.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "app/measure_options.h"
#include "app/progress_line.h"
#include "base/boost_asio.h"
#include "capture/source.h"
#include "flows/chain_set.h"
#include "jobs/job_reader.h"
#include "spiders/condition_counts.h"
#include "spiders/engine.h"
#include "spiders/flow_watch.h"
#include "spiders/result_json.h"
#include "spiders/tcp_network.h"

namespace spiderling::app {

/// Takes whole results, one a line. False: no more is wanted, or can be written.
using ResultWriter = std::function<bool(std::string_view results)>;

struct MeasureRunResult {
  EngineCounters engine;
  ConnectionCounters connections;
  ObserverCounters observer;
  SourceCounters source;
  std::uint64_t unobserved = 0;  ///< flows that were expected and not observed
  std::uint64_t lossy = 0;       ///< flows during which the kernel dropped packets
  std::size_t unfinished =
      0;  ///< jobs that were given up at the second signal, or when results could not be written
  bool interrupted = false;
  std::string failure;  ///< why it could not go on; empty: nothing was wrong
};

/// One run, in the calling thread; the observer and the reader have threads of their own.
class MeasureRun final : private JobFeed {
 public:
  struct Parts {
    const MeasureOptions& options;
    EnginePlan plan;
    Source& source;
    const ChainSet& chains;
    JobReader& jobs;
    ResultWriter write;
    bool shows_progress;
  };
  static Result<std::unique_ptr<MeasureRun>> make(Parts parts);

  MeasureRunResult run();
  const ConditionCounts& conditions() const { return conditions_; }

 private:
  State next(Job& job) override;
  void job_finished(MergedJob&& job);
  void flush();
  void on_signal();
  void on_tick();
  void wait_for_signal();
  void wait_for_tick();
  void stop_taking();
  std::string observer_trouble() const;
  std::string progress_text(std::chrono::duration<double> elapsed) const;
  MeasureRunResult result();

  MeasureRun(Parts parts, std::unique_ptr<asio::io_context> loop, std::shared_ptr<ConnectContext> connect);

  Parts parts_;
  const std::unique_ptr<asio::io_context> own_loop_;
  asio::io_context& loop_;
  asio::signal_set signals_;
  asio::steady_timer tick_;
  ResultJson json_;
  ConditionCounts conditions_;
  ProgressLine progress_;
  TcpNetwork network_;
  FlowWatch watch_;
  Engine engine_;
  std::string results_;  // not written yet
  MeasureRunResult result_;
  bool stopping_ = false;
  bool done_ = false;
};

}  // namespace spiderling::app
