// `spiderling measure`, running: jobs -> engine -> results, and what a person sees of it meanwhile.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "app/loop_guard.h"
#include "app/measure_evidence.h"
#include "app/measure_options.h"
#include "app/progress_line.h"
#include "base/boost_asio.h"
#include "campaign/campaign.h"
#include "campaign/pause.h"
#include "capture/source.h"
#include "flows/chain_set.h"
#include "jobs/asn_database.h"
#include "jobs/job_intake.h"
#include "spiders/condition_counts.h"
#include "spiders/engine.h"
#include "spiders/flow_watch.h"
#include "spiders/result_json.h"
#include "spiders/system_network.h"
#include "spiders/votes.h"

namespace spiderling::app {

/// Takes whole results, one a line. False: no more is wanted, or can be written.
using ResultWriter = std::function<bool(std::string_view results)>;

struct MeasureRunResult {
  EngineCounters engine;
  ConnectionCounters connections;
  std::uint64_t results = 0;
  ObserverCounters observer;
  SourceCounters source;
  std::uint64_t unobserved = 0;  ///< flows that were expected and not observed
  std::uint64_t lossy = 0;       ///< flows of which the kernel dropped packets, or over which a chain failed
  std::size_t unfinished =
      0;  ///< jobs that were given up at the second signal, or when results could not be written
  std::uint64_t asked_again = 0;  ///< jobs, since the network was away
  std::size_t paused = 0;         ///< jobs that were to be asked again, and were not
  bool interrupted = false;
  bool list_ended = false;  ///< every job of it was taken, or need not be
  std::string failure;      ///< why it could not go on; empty: nothing was wrong
};

/// One run, in the calling thread; the observer and the reader have threads of their own.
class MeasureRun final : private JobFeed {
 public:
  struct Parts {
    const MeasureOptions& options;
    EnginePlan plan;
    Source& source;
    const ChainSet& chains;
    JobIntake& jobs;
    ResultWriter write;
    bool shows_progress;
    MeasureEvidence& evidence;
    const AsnDatabase* asn = nullptr;
    Campaign* campaign = nullptr;    ///< with a journal
    std::unique_ptr<Pause> pause{};  ///< with --pause
    /// What was given to `write` is on its way: for a run that cannot come to its end.
    std::function<void()> finish_writing{};
  };
  static Result<std::unique_ptr<MeasureRun>> make(Parts parts);

  MeasureRunResult run();
  const ConditionCounts& conditions() const { return conditions_; }

 private:
  State next(Job& job) override;
  State next_of_list(Job& job);
  bool may_ask_again() const;
  void job_finished(MergedJob&& job);
  void write(const JobResult& result);
  void decide_the_rest();
  void write_leftovers();
  void add_result(MergedJob&& job);
  void add_decided(const AnsweredJob& answered);
  void look_at_network();
  void give_up_paused();
  void flush();
  void flush_owned();
  [[noreturn]] void give_up_stuck(std::string held_up_by);
  void look_at_observer();
  void on_signal();
  void on_tick();
  void wait_for_signal();
  void wait_for_tick();
  void stop_taking();
  std::string observer_trouble() const;
  std::string progress_text(std::chrono::duration<double> elapsed) const;
  MeasureRunResult result();

  MeasureRun(Parts parts, std::unique_ptr<asio::io_context> loop, std::shared_ptr<ConnectContext> connect);

  Watchdog watchdog_;
  PluginCalls calls_;
  Parts parts_;
  const std::unique_ptr<asio::io_context> own_loop_;
  asio::io_context& loop_;
  asio::signal_set signals_;
  asio::steady_timer tick_;
  ResultJson json_;
  ConditionCounts conditions_;
  ProgressLine progress_;
  SystemNetwork network_;
  FlowWatch watch_;
  Engine engine_;
  Votes votes_;
  std::string results_;  // not written yet
  MeasureRunResult result_;
  bool stopping_ = false;
  bool told_pause_ = false;
  bool done_ = false;
  std::uint64_t observers_round_ = 0;
  int ticks_in_round_ = 0;
  LoopGuard guard_;  // uses all the others
};

}  // namespace spiderling::app
