// Runs a measurement that expands jobs: jobs in, jobs out, nothing connected.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/boost_asio.h"
#include "connect/name_resolver.h"
#include "spiderling/measurement.h"
#include "spiders/engine.h"
#include "spiders/growing_window.h"

namespace spiderling {

struct ExpanderCounters {
  std::uint64_t taken = 0;     ///< jobs
  std::uint64_t finished = 0;  ///< jobs
  std::uint64_t failures_of_plugin = 0;
};

/// One thread, that of the io_context.
///
///     Expander expander(loop, measurement, names, feed, 1000, [&](const Job& job, Expansion&& e) { ... });
///     expander.start([&] { loop.stop(); });
///     loop.run();             // until the feed has ended and all jobs are finished
class Expander {
 public:
  using Finished = std::function<void(const Job& job, Expansion&& expansion)>;

  /// `workers`: jobs at once, at most: see GrowingWindow. All references outlive the expander, which outlives
  /// the loop's last handler.
  /// `calls` hears of expand(); nullptr: nobody does.
  Expander(asio::io_context& loop, ExpandMeasurement& measurement, NameResolver& names, JobFeed& feed,
           std::size_t workers, Finished finished, PluginCalls* calls = nullptr);

  /// `done`: the feed has ended and every job that was taken is finished.
  void start(std::function<void()> done);
  /// Takes no more jobs; those that were taken are finished.
  void finish_soon();

  const ExpanderCounters& counters() const { return counters_; }
  /// Jobs that were taken and are not finished.
  std::size_t held() const { return held_; }

 private:
  class LoopResolver;

  void pump();
  void pump_later(std::chrono::milliseconds pause);
  asio::awaitable<void> run_job(Job job);
  asio::awaitable<Expansion> expanded(const Job& job);
  void check_done();

  asio::io_context& loop_;
  ExpandMeasurement& measurement_;
  NameResolver& names_;
  JobFeed& feed_;
  GrowingWindow window_;
  const Finished finished_;
  PluginCalls* const calls_;
  std::function<void()> done_;
  asio::steady_timer later_;
  ExpanderCounters counters_;
  std::size_t held_ = 0;
  bool feed_ended_ = false;
  bool looking_again_ = false;
};

}  // namespace spiderling
