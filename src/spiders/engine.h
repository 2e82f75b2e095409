// The active engine: jobs in, merged jobs out, thousands at a time on one event loop.
#pragma once

#include <any>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/boost_asio.h"
#include "spiders/connection_maker.h"
#include "spiders/flow_watch.h"
#include "spiders/merger.h"
#include "spiders/network.h"
#include "spiders/plan.h"

namespace spiderling {

/// Where jobs come from. Called on the event loop, never waits.
class JobFeed {
 public:
  virtual ~JobFeed() = default;
  enum class State : std::uint8_t { job, later, ended };
  /// Before a feed that had nothing is asked again.
  static constexpr std::chrono::milliseconds pause{5};
  /// `job` is filled if the state says so.
  virtual State next(Job& job) = 0;
};

struct EngineCounters {
  std::uint64_t taken = 0;     ///< jobs
  std::uint64_t finished = 0;  ///< jobs
  std::size_t most_held = 0;   ///< jobs in flight at once, those that wait for the observer too
};

/// One thread, that of the io_context.
///
///     Engine engine(loop, plan, network, watch, feed, [&](MergedJob&& job) { write(job); });
///     engine.start([&] { loop.stop(); });
///     loop.run();             // until the feed has ended and all jobs are finished
class Engine {
 public:
  /// All references outlive the engine, which outlives the loop's last handler.
  Engine(asio::io_context& loop, EnginePlan plan, Network& network, FlowExpectations& watch, JobFeed& feed,
         std::function<void(MergedJob&&)> finished);

  /// `done`: the feed has ended and every job that was taken is finished.
  void start(std::function<void()> done);
  /// Takes no more jobs; those that were taken are finished.
  void finish_soon();
  /// Word from the observer.
  void observed(std::vector<ObservedFlow> flows);

  const EngineCounters& counters() const { return counters_; }
  const ConnectionCounters& connections() const { return maker_.counters(); }
  /// Jobs whose connections are being made; and all that are not finished.
  std::size_t connecting() const { return connecting_; }
  std::size_t held() const { return merger_.size(); }
  /// Why no more jobs were taken; empty: nothing was wrong.
  const std::string& failure() const { return failure_; }

 private:
  void pump();
  void take_jobs();
  bool has_room() const;
  void look_again_later();
  std::uint64_t take(Job job);
  void start_job(std::uint64_t id);
  asio::awaitable<void> run_job(std::uint64_t id, bool together);
  asio::awaitable<std::any> prepared(std::uint64_t id);
  void make_together(std::uint64_t id, std::any prepared);
  void connected();
  void finish(MergedJob&& job);
  void check_done();
  std::vector<std::size_t> order();

  // engine_epochs.cpp: settings of the whole host, a configuration at a time
  asio::awaitable<void> run_epochs();
  asio::awaitable<std::vector<std::uint64_t>> take_batch();
  asio::awaitable<std::vector<std::any>> prepare_batch(const std::vector<std::uint64_t>& ids);
  asio::awaitable<bool> set_up(std::size_t number);
  bool put_back();
  bool one_at_a_time() const { return plan_.epochs != nullptr || plan_.measurement.configures(); }
  asio::awaitable<bool> run_epoch(const std::vector<std::uint64_t>& ids,
                                  const std::vector<std::any>& prepared, std::size_t number);
  asio::awaitable<void> pause();

  asio::io_context& loop_;
  const EnginePlan plan_;
  JobFeed& feed_;
  std::function<void(MergedJob&&)> finished_;
  std::function<void()> done_;
  Merger merger_;
  ConnectionMaker maker_;
  std::mt19937_64 random_;
  asio::steady_timer later_;
  EngineCounters counters_;
  std::string failure_;
  std::size_t connecting_ = 0;
  bool feed_ended_ = false;
  bool pumping_ = false;
  bool looking_again_ = false;
};

}  // namespace spiderling
