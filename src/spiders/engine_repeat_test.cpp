// Connections that nobody answers, and targets that cannot be asked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "spiders/test_engine.h"

namespace spiderling {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

ScriptOf only_first(const Script& script) {
  return [script](std::uint64_t, std::size_t number) { return number == 0 ? script : Script{}; };
}

TEST(EngineRepeat, OnceIsTheDefault) {
  EngineRun run({7}, only_first({.silences = 1}));
  run.run();
  EXPECT_EQ(run.results, std::vector<std::string>{"7: 2ao() 0ao()"});
  EXPECT_EQ(run.engine.connections().repeats, 0u);
}

TEST(EngineRepeat, SilenceIsAskedAgainFromAnotherPort) {
  EngineRun run({7}, only_first({.silences = 2}), {.configurations = 1, .attempts = 3});
  std::set<std::uint16_t> ports;
  const auto expect_flow = run.network.on_connect;
  run.network.on_connect = [&](const ExpectedFlow& flow) {
    expect_flow(flow);
    ports.insert(flow.sp);
  };
  run.on_job = [&](const MergedJob& job) {
    EXPECT_TRUE(ports.contains(job.connections[0].record.sp));
    EXPECT_EQ(job.connections[0].lease.port(), job.connections[0].record.sp) << "the last one's";
  };
  run.run();
  EXPECT_EQ(run.results, std::vector<std::string>{"7: 0ao()"});
  EXPECT_EQ(ports.size(), 3u);
  EXPECT_EQ(run.engine.connections().repeats, 2u);
  EXPECT_EQ(run.engine.connections().by_state[0], 1u) << "attempts are no connections";
  EXPECT_EQ(run.flow_words, 1u) << "of what was taken back nothing is said";
}

TEST(EngineRepeat, NotMoreOftenThanWanted) {
  EngineRun run({7}, only_first({.silences = 1000}), {.attempts = 3});
  run.run();
  EXPECT_EQ(run.results, std::vector<std::string>{"7: 2ao() 0ao()"});
  EXPECT_EQ(run.network.order.size(), 4u);
}

TEST(EngineRepeat, AForgedPacketThatNobodyAnswersIsSentAgain) {
  EngineRun run({7}, only_first({.unanswered = true}), {.attempts = 3});
  run.run();
  EXPECT_EQ(run.results, std::vector<std::string>{"7: 0ao() 0ao()"}) << "it was sent";
  EXPECT_EQ(run.network.order.size(), 4u);
}

TEST(EngineRepeat, AnAnswerOfAnyKindEndsIt) {
  for (const ConnectionState state :
       {ConnectionState::ok, ConnectionState::failed, ConnectionState::skipped, ConnectionState::discard}) {
    EngineRun run({7}, only_first({.state = state}), {.attempts = 5});
    run.run();
    EXPECT_EQ(run.engine.connections().repeats, 0u) << static_cast<int>(state);
  }
  EngineRun run({7}, only_first({.throws = true}), {.attempts = 5});
  run.run();
  EXPECT_EQ(run.engine.connections().repeats, 0u);
}

TEST(EngineRepeat, TheTimeoutIsSharedAmongTheAttempts) {
  EngineRun run({7}, only_first({.silences = 1000}), {.configurations = 1, .attempts = 4, .timeout = 40min});
  const Deadline before = std::chrono::steady_clock::now();
  run.run();
  const Deadline after = std::chrono::steady_clock::now();
  ASSERT_EQ(run.network.deadlines.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    const auto share = static_cast<int>(i + 1) * 10min;
    EXPECT_GE(run.network.deadlines[i], before + share) << i;
    EXPECT_LE(run.network.deadlines[i], after + share) << i;
  }
}

TEST(EngineRepeat, APortThatIsTakenCountsAsNoAttempt) {
  EngineRun run({7}, only_first({.ports_taken = 2, .silences = 3}), {.configurations = 1, .attempts = 2});
  run.run();
  EXPECT_EQ(run.results, std::vector<std::string>{"7: 0ao()"});
  EXPECT_EQ(run.engine.connections().port_retries, 2u);
  EXPECT_EQ(run.engine.connections().repeats, 1u);
}

// --- unsuitable targets

class Picky : public PlainMeasurement {
 public:
  std::string unsuitable(const Job& job) const override {
    if (job.line == 3) throw std::runtime_error("no idea");
    return job.line % 2 == 0 ? "even lines are not asked" : "";
  }
};

TEST(EngineRepeat, ATargetThatCannotBeAskedIsSkippedWithTheReason) {
  for (const Interleave how : {Interleave::together, Interleave::in_order}) {
    Picky picky;
    EngineRun run(
        lines_up_to(4), [](std::uint64_t, std::size_t) { return Script{}; }, {.interleave = how}, &picky);
    run.on_prepare = [](const ConversationPlan& plan) { EXPECT_EQ(plan.job->line, 1u); };
    run.run();
    EXPECT_THAT(
        run.sorted(),
        ElementsAre("1: 0ao() 0ao()", "2: 3--(even lines are not asked) 3--(even lines are not asked)",
                    "3: 4--(the measurement failed: no idea) 4--(the measurement failed: no idea)",
                    "4: 3--(even lines are not asked) 3--(even lines are not asked)"));
    EXPECT_EQ(run.flow_words, 2u);
  }
}

}  // namespace
}  // namespace spiderling
