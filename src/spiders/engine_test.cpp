#include "spiders/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "spiders/test_engine.h"

namespace spiderling {
namespace {

using namespace testing;
using ::testing::Each;
using ::testing::ElementsAre;

// A job is a line, two connections: state, attempted, observed, reason.
std::string result_of(const Script& script) {
  EngineRun run({7}, always(script));
  run.run();
  return run.results.size() == 1 ? run.results.front() : "not one result";
}

TEST(Engine, EveryEndOfAConnectionIsAResult) {
  EXPECT_EQ(result_of({}), "7: 0ao() 0ao()");
  EXPECT_EQ(result_of({.turns = 3}), "7: 0ao() 0ao()");
  EXPECT_EQ(result_of({.state = ConnectionState::failed}), "7: 1ao() 1ao()");
  EXPECT_EQ(result_of({.state = ConnectionState::timeout, .observed = false}), "7: 2a-() 2a-()");
  EXPECT_EQ(result_of({.state = ConnectionState::skipped}),
            "7: 3--(as the script says) 3--(as the script says)");
  EXPECT_EQ(result_of({.state = ConnectionState::discard}),
            "7: 4--(as the script says) 4--(as the script says)");
  EXPECT_EQ(result_of({.throws = true}), "7: 4ao(the network threw) 4ao(the network threw)");
}

TEST(Engine, APortThatIsTakenIsGivenUpForAnother) {
  EngineRun run({7},
                [](std::uint64_t, std::size_t number) { return Script{.ports_taken = number == 0 ? 3 : 0}; });
  run.run();
  EXPECT_EQ(run.results, std::vector<std::string>{"7: 0ao() 0ao()"});
  EXPECT_EQ(run.engine.connections().port_retries, 3u);
  EXPECT_EQ(run.flow_words, 2u) << "of what was forgotten nothing is said";
}

TEST(Engine, WhereEveryPortIsTakenTheConnectionIsDiscarded) {
  EngineRun run(
      {7}, [](std::uint64_t, std::size_t number) { return Script{.ports_taken = number == 0 ? 1000 : 0}; });
  run.run();
  EXPECT_EQ(run.results, std::vector<std::string>{
                             "7: 4--(every local port that was tried is in use towards this target) 0ao()"});
}

TEST(Engine, AnEmptyListIsDone) {
  EngineRun run({}, always({}));
  run.run();
  EXPECT_TRUE(run.results.empty());
}

// All that can become of a connection, by line and configuration.
Script any_script(std::uint64_t line, std::size_t number) {
  std::seed_seq seeds{line, std::uint64_t{number}};
  std::mt19937 random(seeds);
  Script script;
  script.turns = static_cast<int>(random() % 5);
  script.observer_turns = static_cast<int>(random() % 20);
  script.observed = random() % 4 != 0;
  switch (random() % 8) {
    case 0: script.state = ConnectionState::failed; break;
    case 1: script.state = ConnectionState::timeout; break;
    case 2: script.state = ConnectionState::skipped; break;
    case 3: script.state = ConnectionState::discard; break;
    case 4: script.ports_taken = static_cast<int>(random() % 20); break;
    case 5: script.throws = true; break;
  }
  return script;
}

TEST(EngineProperty, ResultsDoNotDependOnOrderWorkersInterleaveOrSeed) {
  constexpr std::size_t jobs = 200;
  EngineRun alone(lines_up_to(jobs), any_script, {.configurations = 3, .workers = 1});
  alone.run();
  const auto expected = alone.sorted();
  ASSERT_EQ(expected.size(), jobs);
  ASSERT_EQ(std::set<std::string>(expected.begin(), expected.end()).size(), jobs);

  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    auto lines = lines_up_to(jobs);
    std::ranges::shuffle(lines, random);
    RunOptions options;
    options.configurations = 3;
    options.workers = 1 + random() % 50;
    options.most_held = 1 + random() % 60;
    options.interleave = static_cast<Interleave>(random() % 3);
    options.seed = random();
    EngineRun run(lines, any_script, options);
    run.run();
    EXPECT_EQ(run.sorted(), expected) << "round " << round;
    EXPECT_LE(run.most_connecting, options.workers);
    EXPECT_LE(run.most_held, options.most_held);
  }
}

TEST(Engine, IsAsBusyAsItMayBeAndNoBusier) {
  EngineRun run(lines_up_to(100), always({.turns = 5, .observer_turns = 50}),
                {.workers = 7, .most_held = 20});
  run.run();
  EXPECT_EQ(run.most_connecting, 7u);
  EXPECT_EQ(run.most_held, 20u);
}

TEST(Engine, OneJobThatWaitsDelaysNoOther) {
  EngineRun run(lines_up_to(50),
                [](std::uint64_t line, std::size_t) { return Script{.for_ever = line == 1}; });
  run.on_job = [&](const MergedJob&) {
    if (run.results.size() == 49) run.loop.stop();
  };
  run.start();
  run.loop.run_for(std::chrono::minutes(1));
  EXPECT_EQ(run.results.size(), 49u);
  EXPECT_EQ(run.engine.held(), 1u);
  EXPECT_EQ(run.done, 0);
}

TEST(Engine, MakesConnectionsTogether) {
  std::size_t most = 0;
  EngineRun run({1}, always({.turns = 3}), {.configurations = 4});
  run.on_prepare = [&](const ConversationPlan&) { most = std::max(most, *run.network.alive + 1); };
  run.run();
  EXPECT_EQ(most, 4u);
}

// One job after the other: the order of its connections stands in order of the network.
std::vector<std::vector<std::size_t>> orders(Interleave interleave, std::uint64_t seed) {
  std::size_t most = 0;
  EngineRun run(lines_up_to(64), always({.turns = 2}),
                {.configurations = 3, .workers = 1, .interleave = interleave, .seed = seed});
  run.on_prepare = [&](const ConversationPlan&) { most = std::max(most, *run.network.alive + 1); };
  run.run();
  EXPECT_EQ(most, 1u) << "one by one";
  std::vector<std::vector<std::size_t>> jobs;
  for (std::size_t i = 0; i + 2 < run.network.order.size(); i += 3) {
    const auto at = run.network.order.begin() + static_cast<std::ptrdiff_t>(i);
    jobs.emplace_back(at, at + 3);
  }
  return jobs;
}

TEST(Engine, InOrderIsAlwaysInOrder) {
  EXPECT_THAT(orders(Interleave::in_order, 1), Each(ElementsAre(0u, 1u, 2u)));
}

TEST(Engine, RandomOrdersVaryAndAreThoseOfTheSeed) {
  const auto drawn = orders(Interleave::random, 1);
  EXPECT_EQ(std::set<std::vector<std::size_t>>(drawn.begin(), drawn.end()).size(), 6u);
  EXPECT_EQ(orders(Interleave::random, 1), drawn);
  EXPECT_NE(orders(Interleave::random, 2), drawn);
}

TEST(Engine, AFeedMayHaveNothingForAWhile) {
  EngineRun run(lines_up_to(20), always({.turns = 1}), {.laters = 1});
  run.run();
  EXPECT_EQ(run.results.size(), 20u);
}

TEST(Engine, FinishSoonFinishesWhatWasTakenAndTakesNoMore) {
  EngineRun run(lines_up_to(1000), always({.turns = 5, .observer_turns = 5}), {.workers = 10});
  std::uint64_t taken = 0;
  run.on_job = [&](const MergedJob&) {
    if (taken != 0) return;
    run.engine.finish_soon();
    taken = run.engine.counters().taken;
  };
  run.run();
  EXPECT_EQ(run.results.size(), taken);
  EXPECT_LT(taken, 1000u);
  run.engine.finish_soon();
  EXPECT_EQ(run.done, 1) << "once";
}

TEST(Engine, FinishSoonWithNothingInFlightIsDoneAtOnce) {
  EngineRun run(lines_up_to(3), always({}), {.laters = 1'000'000});
  asio::post(run.loop, [&] { run.engine.finish_soon(); });
  run.run();
  EXPECT_EQ(run.results.size(), 0u);
}

TEST(Engine, JobsThatEndAsTheyAreStartedDoNotPileUp) {
  EngineRun run(lines_up_to(20'000), always({.state = ConnectionState::skipped}), {.workers = 3});
  run.run();
  EXPECT_EQ(run.results.size(), 20'000u);
}

// The loop ends while connections are at work, as after a second SIGINT: nothing of them stays behind.
TEST(Engine, LeavesNothingBehindWhenTheLoopIsStopped) {
  const Script script{.turns = 2, .for_ever = true};
  for (const Interleave interleave : {Interleave::together, Interleave::in_order}) {
    auto run = std::make_unique<EngineRun>(lines_up_to(30), always(script),
                                           RunOptions{.workers = 20, .interleave = interleave});
    std::size_t begun = 0;
    run->start();
    run->on_prepare = [&](const ConversationPlan&) { ++begun; };
    while (run->loop.poll() > 0) {
    }
    EXPECT_EQ(begun, interleave == Interleave::together ? 40u : 20u);
    EXPECT_EQ(run->done, 0);
    const auto alive = run->network.alive;
    EXPECT_EQ(*alive, begun);
    run.reset();
    EXPECT_EQ(*alive, 0u);
  }
}

}  // namespace
}  // namespace spiderling
