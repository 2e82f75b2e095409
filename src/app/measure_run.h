// `spiderling measure`, running: jobs -> engine -> results, and what a person sees of it meanwhile.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "app/loop_guard.h"
#include "app/measure_parts.h"
#include "app/measure_results.h"
#include "app/progress_line.h"
#include "base/boost_asio.h"
#include "capture/source.h"
#include "spiders/engine.h"
#include "spiders/flow_watch.h"
#include "spiders/system_network.h"

namespace spiderling::app {

struct MeasureRunResult {
  ResultCounters written;
  EngineCounters engine;
  ConnectionCounters connections;
  ObserverCounters observer;
  SourceCounters source;
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
  static Result<std::unique_ptr<MeasureRun>> make(MeasureParts parts);

  MeasureRunResult run();
  const ConditionCounts& conditions() const { return results_.conditions(); }

 private:
  State next(Job& job) override;
  State next_of_list(Job& job);
  bool may_ask_again() const;
  void job_finished(MergedJob&& job);
  void look_at_network();
  void give_up_paused();
  [[noreturn]] void give_up_stuck(std::string held_up_by);
  void look_at_observer();
  void on_signal();
  void on_tick();
  void wait_for_signal();
  void wait_for_tick();
  void stop_taking();
  void stop_writing();
  std::string observer_trouble() const;
  std::string progress_text(std::chrono::duration<double> elapsed) const;
  MeasureRunResult result();

  MeasureRun(MeasureParts parts, std::unique_ptr<asio::io_context> loop,
             std::shared_ptr<ConnectContext> connect);

  Watchdog watchdog_;
  PluginCalls calls_;
  MeasureParts parts_;
  const std::unique_ptr<asio::io_context> own_loop_;
  asio::io_context& loop_;
  asio::signal_set signals_;
  asio::steady_timer tick_;
  MeasureResults results_;
  ProgressLine progress_;
  SystemNetwork network_;
  FlowWatch watch_;
  Engine engine_;
  MeasureRunResult result_;
  bool stopping_ = false;
  bool told_pause_ = false;
  bool done_ = false;
  std::uint64_t observers_round_ = 0;
  int ticks_in_round_ = 0;
  LoopGuard guard_;  // uses all the others
};

}  // namespace spiderling::app
