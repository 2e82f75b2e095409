// The engine with measurements that connect in their own way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "spiders/test_engine.h"

namespace spiderling {
namespace {

using namespace testing;

/// Each step is a member that a test may replace.
class Own : public PlainMeasurement {
 public:
  Task<std::any> pre_connect(const Job& job) override {
    ++prepared[job.line];
    return on_pre_connect(job);
  }
  Task<ConnectionRecord> connect(Worker& worker) override { return on_connect(worker); }
  Task<void> post_connect(Worker& worker, ConnectionRecord& record) override {
    ++finished[{worker.job().line, worker.run()}];
    return on_post_connect(worker, record);
  }

  std::map<std::uint64_t, int> prepared;
  std::map<std::pair<std::uint64_t, std::size_t>, int> finished;
  std::function<Task<std::any>(const Job&)> on_pre_connect = [](const Job& job) -> Task<std::any> {
    co_return std::any(job.line * 1000);
  };
  std::function<Task<ConnectionRecord>(Worker&)> on_connect = [](Worker& worker) { return worker.connect(); };
  std::function<Task<void>(Worker&, ConnectionRecord&)> on_post_connect =
      [](Worker&, ConnectionRecord&) -> Task<void> { co_return; };
};

TEST(EngineOwnConnect, PreConnectIsOnceAJobAndReachesEachConnection) {
  for (const Interleave interleave : {Interleave::together, Interleave::random, Interleave::in_order}) {
    Own own;
    int connects = 0;
    own.on_connect = [&](Worker& worker) -> Task<ConnectionRecord> {
      EXPECT_EQ(std::any_cast<std::uint64_t>(worker.prepared()), worker.job().line * 1000);
      EXPECT_EQ(worker.port(), 80);
      ++connects;
      co_return co_await worker.connect();
    };
    EngineRun run(lines_up_to(30), always({.turns = 1}),
                  {.configurations = 3, .workers = 7, .interleave = interleave}, &own);
    run.run();
    EXPECT_EQ(connects, 90);
    EXPECT_EQ(own.prepared.size(), 30u);
    for (const auto& [line, times] : own.prepared) EXPECT_EQ(times, 1) << line;
    EXPECT_EQ(own.finished.size(), 90u);
    for (const auto& [connection, times] : own.finished) EXPECT_EQ(times, 1) << connection.first;
    EXPECT_THAT(run.results, ::testing::Each(::testing::HasSubstr(": 0ao() 0ao() 0ao()")));
  }
}

TEST(EngineOwnConnect, TalksOverItsConnection) {
  Own own;
  own.on_connect = [](Worker& worker) -> Task<ConnectionRecord> {
    EXPECT_FALSE(co_await worker.send("too early"));
    EXPECT_EQ(co_await worker.receive(10), "");
    ConnectionRecord record = co_await worker.tcp_connect();
    const bool sent = co_await worker.send("hello");
    EXPECT_TRUE(sent);
    std::string greeting = co_await worker.receive(4);
    record.add("greeting", std::move(greeting));
    co_return record;
  };
  own.on_post_connect = [](Worker& worker, ConnectionRecord& record) -> Task<void> {
    const std::string more = co_await worker.receive(5);
    record.add("more", more);
  };
  EngineRun run({1, 2, 3}, always({.turns = 2}), {}, &own);
  run.on_job = [](const MergedJob& job) {
    for (const JobConnection& one : job.connections) {
      ASSERT_EQ(one.record.fields.size(), 2u);
      EXPECT_EQ(one.record.fields[0].first, "greeting");
      EXPECT_EQ(one.record.fields[1].first, "more");
    }
  };
  run.run();
}

TEST(EngineOwnConnect, AFailedPreConnectLeavesNothingPrepared) {
  Own own;
  own.on_pre_connect = [](const Job& job) -> Task<std::any> {
    if (job.line % 3 == 0) throw 7;
    if (job.line % 3 == 1) throw std::runtime_error("no");
    co_return std::any(1);
  };
  int prepared = 0, not_prepared = 0;
  own.on_connect = [&](Worker& worker) -> Task<ConnectionRecord> {
    ++(worker.prepared().has_value() ? prepared : not_prepared);
    co_return co_await worker.connect();
  };
  EngineRun run(lines_up_to(30), always({}), {}, &own);
  run.run();
  EXPECT_EQ(prepared, 20);
  EXPECT_EQ(not_prepared, 40);
  EXPECT_EQ(run.results.size(), 30u);
}

TEST(EngineOwnConnect, WhatThrowsIsDiscardedWhereverItThrows) {
  for (const int where : {0, 1, 2, 3, 4}) {
    Own own;
    own.on_connect = [where](Worker& worker) -> Task<ConnectionRecord> {
      if (where == 0) throw std::runtime_error("no");
      ConnectionRecord record = co_await worker.connect();
      if (where == 1) throw std::runtime_error("no");
      if (where == 2) throw 7;
      co_return record;
    };
    own.on_post_connect = [where](Worker&, ConnectionRecord&) -> Task<void> {
      if (where == 3) throw std::runtime_error("no");
      co_return;
    };
    if (where == 4) {  // no coroutine at all
      own.on_connect = [](Worker&) -> Task<ConnectionRecord> { throw std::runtime_error("no"); };
    }
    EngineRun run(lines_up_to(20), always({.turns = 1}), {}, &own);
    run.run();
    EXPECT_THAT(run.results, ::testing::Each(::testing::HasSubstr(": 4"))) << where;
    EXPECT_EQ(run.engine.connections().failures_of_plugin, 40u);
    EXPECT_EQ(own.finished.size(), 40u) << "what was begun is ended by the measurement";
  }
}

TEST(EngineOwnConnect, ConnectingTwiceIsRefusedAndEndsTheJob) {
  Own own;
  own.on_connect = [](Worker& worker) -> Task<ConnectionRecord> {
    co_await worker.connect();
    co_return co_await worker.connect();
  };
  EngineRun run({1, 2}, always({.turns = 1}), {}, &own);
  run.run();
  EXPECT_THAT(run.results, ::testing::Each(::testing::HasSubstr("a worker connects once")));
}

TEST(EngineOwnConnect, NotConnectingAtAllIsAResult) {
  Own own;
  own.on_connect = [](Worker&) -> Task<ConnectionRecord> {
    ConnectionRecord record;
    record.reason = "I would rather not";
    co_return record;
  };
  EngineRun run({1}, always({}), {}, &own);
  run.run();
  EXPECT_EQ(run.results, std::vector<std::string>{"1: 3--(I would rather not) 3--(I would rather not)"});
}

TEST(EngineOwnConnect, ThrowingNetworkIsDiscardedAndLetGo) {
  Own own;
  EngineRun run(lines_up_to(10), always({.turns = 1, .throws = true}), {}, &own);
  run.run();
  EXPECT_THAT(run.results, ::testing::Each(::testing::HasSubstr("4ao(the measurement failed: the network")));
}

// With tasks that never wait, a job ends within the call that starts it.
TEST(EngineOwnConnect, JobsThatEndAsTheyAreStartedDoNotFillTheStack) {
  Own own;
  own.on_connect = [](Worker&) -> Task<ConnectionRecord> { co_return ConnectionRecord(); };
  EngineRun run(lines_up_to(50'000), always({}), {.workers = 3}, &own);
  run.run();
  EXPECT_EQ(run.results.size(), 50'000u);
}

TEST(EngineOwnConnect, LeavesNothingBehindWhenTheLoopIsStopped) {
  for (const int where : {0, 1, 2}) {
    Own own;
    const auto held = std::make_shared<int>(0);  // by each coroutine of the measurement that is not destroyed
    const auto waits = [held](Worker& worker) -> Task<ConnectionRecord> {
      const auto mine = held;
      co_return co_await worker.connect();
    };
    own.on_connect = [&own, waits, where](Worker& worker) -> Task<ConnectionRecord> {
      if (where == 0) co_return co_await waits(worker);
      co_return co_await worker.connect();
    };
    own.on_post_connect = [held, where](Worker& worker, ConnectionRecord&) -> Task<void> {
      const auto mine = held;
      if (where == 1) co_await worker.receive(1);
    };
    const bool connects = where == 1;
    auto run = std::make_unique<EngineRun>(lines_up_to(10),
                                           always({.turns = connects ? 100 : 2, .for_ever = !connects}),
                                           RunOptions{.workers = 10}, &own);
    run->start();
    // They are stopped while they connect for ever, or in the long wait of what comes after.
    while (own.finished.size() < 20 && run->loop.poll_one() > 0) {
    }
    EXPECT_EQ(run->done, 0);
    const auto alive = run->network.alive;
    EXPECT_EQ(*alive, 20u);
    if (where < 2) {
      EXPECT_GT(held.use_count(), 20);
    }
    run.reset();
    EXPECT_EQ(*alive, 0u);
    own.on_connect = {};
    own.on_post_connect = {};
    EXPECT_LE(held.use_count(), 2) << "this one, and that in waits";
  }
}

TEST(EngineOwnConnect, ASocketOfItsOwnIsObservedByThePortThatItNames) {
  Own own;
  own.on_connect = [](Worker& worker) -> Task<ConnectionRecord> {
    worker.connects_by_itself();
    worker.connects_by_itself();
    ConnectionRecord record;
    record.state = ConnectionState::ok;
    record.sp = worker.run() == 0 ? std::uint16_t{7000} : FakeWatch::unseen_port;
    co_return record;
  };
  EngineRun run(lines_up_to(20), always({}), {}, &own);
  run.on_job = [](const MergedJob& job) { EXPECT_EQ(job.missed_flows(), 1u); };
  run.own_sockets = true;
  run.run();
  EXPECT_THAT(run.results, ::testing::Each(::testing::HasSubstr(": 0ao() 0a-()")));
  EXPECT_EQ(run.watch.ports_towards.size(), 40u);
}

TEST(EngineOwnConnect, OfTheEnginesConnectionAndItsOwnTheNamedOneCounts) {
  for (const bool names_its_own : {false, true}) {
    Own own;
    own.on_connect = [=](Worker& worker) -> Task<ConnectionRecord> {
      worker.connects_by_itself();
      ConnectionRecord record = co_await worker.tcp_connect();
      if (names_its_own) record.sp = 7000;
      co_return record;
    };
    EngineRun run(lines_up_to(20), always({.turns = 2}), {}, &own);
    run.own_sockets = names_its_own;
    run.run();
    EXPECT_THAT(run.results, ::testing::Each(::testing::HasSubstr(": 0ao() 0ao()")));
    EXPECT_EQ(run.watch.ports_towards.size(), names_its_own ? 40u : 0u);
  }
}

TEST(EngineOwnConnect, WithoutASocketAfterAllNothingIsMissed) {
  Own own;
  own.on_connect = [](Worker& worker) -> Task<ConnectionRecord> {
    worker.connects_by_itself();
    if (worker.run() == 0) throw std::runtime_error("no");
    ConnectionRecord record;
    record.state = ConnectionState::failed;
    co_return record;
  };
  EngineRun run(lines_up_to(20), always({}), {}, &own);
  run.run();
  EXPECT_THAT(run.results, ::testing::Each(::testing::HasSubstr(": 4--(the measurement failed: no) 1--()")));
}

}  // namespace
}  // namespace spiderling
