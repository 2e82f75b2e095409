// The engine where configurations are settings of the whole host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "spiders/await_task.h"
#include "spiders/test_engine.h"

namespace spiderling {
namespace {

using namespace testing;
using ::testing::Each;
using ::testing::HasSubstr;

/// A host that notes which configuration it has, and fails when it is told to.
class FakeEpochs final : public HostEpochs {
 public:
  Result<void> begin(std::size_t configuration) override {
    EXPECT_FALSE(now.has_value()) << "begun within another";
    log.push_back(fmt::format("begin {}", configuration));
    if (++begun == fails_at_begin) return error("no such setting");
    now = configuration;
    return {};
  }
  Result<void> end() override {
    EXPECT_TRUE(now.has_value()) << "ended twice";
    now.reset();
    log.push_back("end");
    if (++ended == fails_at_end) return error("cannot be put back");
    return {};
  }

  std::optional<std::size_t> now;
  std::vector<std::string> log;
  int begun = 0, ended = 0;
  int fails_at_begin = 0, fails_at_end = 0;  // the how manieth
};

/// Every connection is made, and every post_connect() comes, in the right state of the host.
class Watching : public PlainMeasurement {
 public:
  explicit Watching(FakeEpochs& epochs) : epochs_(epochs) {}
  Task<std::any> pre_connect(const Job& job) override {
    EXPECT_FALSE(epochs_.now.has_value());
    ++prepared;
    co_return std::any(job.line);
  }
  Task<ConnectionRecord> connect(Worker& worker) override {
    EXPECT_EQ(epochs_.now, worker.run());
    ConnectionRecord record = co_await worker.connect();
    EXPECT_EQ(epochs_.now, worker.run());
    EXPECT_EQ(std::any_cast<std::uint64_t>(worker.prepared()), worker.job().line);
    co_return record;
  }
  Task<void> post_connect(Worker&, ConnectionRecord&) override {
    EXPECT_FALSE(epochs_.now.has_value()) << "the configuration was not let go";
    ++finished;
    co_return;
  }
  int prepared = 0, finished = 0;

 private:
  FakeEpochs& epochs_;
};

Script some_script(std::uint64_t line, std::size_t number) {
  switch ((line + number) % 6) {
    case 0: return {.turns = 3};
    case 1: return {.state = ConnectionState::failed, .turns = 1};
    case 2: return {.state = ConnectionState::skipped};
    case 3: return {.ports_taken = 2, .observer_turns = 200};
    case 4: return {.state = ConnectionState::timeout, .turns = 10, .observed = false};
    default: return {.throws = true};
  }
}

TEST(EngineEpochs, ConnectionsRunInTheirOwnEpochOnly) {
  FakeEpochs epochs;
  EngineRun run(lines_up_to(50), some_script,
                {.configurations = 3, .workers = 20, .interleave = Interleave::in_order, .epochs = &epochs});
  run.on_prepare = [&](const ConversationPlan& plan) { EXPECT_EQ(epochs.now, plan.mark); };
  run.run();
  EXPECT_EQ(run.results.size(), 50u);
  const std::vector<std::string> batch{"begin 0", "end", "begin 1", "end", "begin 2", "end"};
  std::vector<std::string> three_batches;
  for (int i = 0; i < 3; ++i) three_batches.insert(three_batches.end(), batch.begin(), batch.end());
  EXPECT_EQ(epochs.log, three_batches);
  EXPECT_EQ(run.engine.failure(), "");

  EngineRun without(lines_up_to(50), some_script, {.configurations = 3});
  without.run();
  EXPECT_EQ(run.sorted(), without.sorted()) << "as without epochs";
}

TEST(EngineEpochs, TheMeasurementIsCalledInTheRightStateOfTheHost) {
  FakeEpochs epochs;
  Watching watching(epochs);
  EngineRun run(lines_up_to(25), some_script, {.workers = 10, .epochs = &epochs}, &watching);
  run.run();
  EXPECT_EQ(watching.prepared, 25);
  EXPECT_EQ(watching.finished, 50);
  EXPECT_EQ(epochs.begun, 6);
  EXPECT_EQ(epochs.ended, 6);
}

TEST(EngineEpochs, RandomInterleaveDrawsTheOrderOfEpochs) {
  std::set<std::vector<std::string>> orders;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    FakeEpochs epochs;
    EngineRun run(lines_up_to(5), some_script,
                  {.interleave = Interleave::random, .seed = seed, .epochs = &epochs});
    run.run();
    orders.insert(epochs.log);
  }
  EXPECT_EQ(orders.size(), 2u);
}

TEST(EngineEpochs, WaitsForFlowsThatComeAfterTheLastEpoch) {
  FakeEpochs epochs;
  EngineRun run(lines_up_to(5), [](std::uint64_t, std::size_t) { return Script{.observer_turns = 10'000}; },
                {.epochs = &epochs});
  run.run();
  EXPECT_EQ(run.results.size(), 5u);
}

TEST(EngineEpochs, WhereTheHostCannotBeConfiguredTheJobsAreSkippedAndNoMoreTaken) {
  for (const int fails_at : {1, 2}) {
    FakeEpochs epochs;
    epochs.fails_at_begin = fails_at;
    EngineRun run(lines_up_to(100), [](std::uint64_t, std::size_t) { return Script{}; },
                  {.workers = 10, .interleave = Interleave::in_order, .epochs = &epochs});
    run.run();
    EXPECT_EQ(run.results.size(), 10u);
    EXPECT_EQ(run.engine.failure(), "no such setting");
    EXPECT_THAT(run.results, Each(HasSubstr("3--(no such setting)")));
    EXPECT_THAT(run.results, Each(HasSubstr(fails_at == 1 ? ": 3--" : ": 0ao() 3--")));
    EXPECT_EQ(epochs.begun, fails_at);
    EXPECT_EQ(epochs.ended, fails_at - 1);
  }
}

TEST(EngineEpochs, WhereTheHostCannotBePutBackNothingIsBegunAfterwards) {
  FakeEpochs epochs;
  epochs.fails_at_end = 1;
  EngineRun run(lines_up_to(100), [](std::uint64_t, std::size_t) { return Script{}; },
                {.workers = 10, .interleave = Interleave::in_order, .epochs = &epochs});
  run.run();
  EXPECT_EQ(run.results.size(), 10u);
  EXPECT_THAT(run.results, Each(HasSubstr(": 0ao() 3--(cannot be put back)")));
  EXPECT_EQ(epochs.begun, 1);
  EXPECT_EQ(run.engine.failure(), "cannot be put back");
}

TEST(EngineEpochs, FinishSoonFinishesTheBatch) {
  FakeEpochs epochs;
  EngineRun run(lines_up_to(100), [](std::uint64_t, std::size_t) { return Script{.turns = 1}; },
                {.workers = 10, .epochs = &epochs});
  bool asked = false;
  run.on_prepare = [&](const ConversationPlan&) {
    if (!std::exchange(asked, true)) run.engine.finish_soon();
  };
  run.run();
  EXPECT_EQ(run.results.size(), 10u);
  EXPECT_EQ(epochs.log.size(), 4u);
}

TEST(EngineEpochs, FewerJobsThanWorkersWaitForMoreOnlyAWhile) {
  FakeEpochs epochs;
  EngineRun run(lines_up_to(3), [](std::uint64_t, std::size_t) { return Script{}; },
                {.workers = 1000, .laters = 1, .epochs = &epochs});
  run.run();
  EXPECT_EQ(run.results.size(), 3u);
}

TEST(EngineEpochs, LeavesNothingBehindWhenTheLoopIsStopped) {
  FakeEpochs epochs;
  Watching watching(epochs);
  auto run = std::make_unique<EngineRun>(
      lines_up_to(10),
      [](std::uint64_t line, std::size_t) {
        return Script{.for_ever = line > 5};  // the others wait until the configuration was let go
      },
      RunOptions{.epochs = &epochs}, &watching);
  run->start();
  while (run->loop.run_one_for(std::chrono::milliseconds(10)) > 0 || *run->network.alive < 10) {
  }
  const auto alive = run->network.alive;
  EXPECT_EQ(run->done, 0);
  run.reset();
  EXPECT_EQ(*alive, 0u);
}

/// Sets the host up by itself.
class Configuring : public PlainMeasurement {
 public:
  bool configures() const override { return true; }
  Task<void> configure(std::size_t configuration) override {
    log.push_back(configuration);
    if (static_cast<int>(log.size()) == fails_at) throw std::runtime_error("no such knob");
    now = configuration;
    co_return;
  }
  Task<std::any> pre_connect(const Job&) override {
    most_at_once = std::max(most_at_once, ++at_once);
    co_await turns_of_loop();
    --at_once;
    co_return std::any();
  }
  Task<ConnectionRecord> connect(Worker& worker) override {
    EXPECT_EQ(now, worker.run());
    ConnectionRecord record = co_await worker.connect();
    EXPECT_EQ(now, worker.run());
    co_return record;
  }

  InTask<bool> turns_of_loop() {
    const auto some = []() -> asio::awaitable<bool> {
      co_await turns(5);
      co_return true;
    };
    return {loop->get_executor(), some()};
  }

  asio::io_context* loop = nullptr;
  std::vector<std::size_t> log;
  std::size_t now = 99;
  int fails_at = 0;
  int at_once = 0, most_at_once = 0;
};

TEST(EngineEpochs, AMeasurementThatConfiguresByItselfHasTheHostForEachConfiguration) {
  Configuring configuring;
  EngineRun run(lines_up_to(25), some_script, {.workers = 10, .interleave = Interleave::in_order},
                &configuring);
  configuring.loop = &run.loop;
  run.run();
  EXPECT_EQ(configuring.log, (std::vector<std::size_t>{0, 1, 0, 1, 0, 1}));
  EXPECT_EQ(configuring.most_at_once, 10) << "jobs of a batch are prepared at the same time";
}

TEST(EngineEpochs, WhatConfigureThrowsEndsTheRunAndIsSaid) {
  for (const bool with_epochs : {false, true}) {
    FakeEpochs epochs;
    Configuring configuring;
    configuring.fails_at = 2;
    EngineRun run(
        lines_up_to(100), [](std::uint64_t, std::size_t) { return Script{}; },
        {.workers = 10, .interleave = Interleave::in_order, .epochs = with_epochs ? &epochs : nullptr},
        &configuring);
    configuring.loop = &run.loop;
    run.run();
    EXPECT_EQ(run.results.size(), 10u);
    EXPECT_EQ(run.engine.failure(), "the measurement could not configure the host: no such knob");
    EXPECT_THAT(run.results, Each(HasSubstr(": 0ao() 3--(the measurement could not configure")));
    EXPECT_EQ(epochs.begun, epochs.ended) << "what was begun is put back";
  }
}

}  // namespace
}  // namespace spiderling
