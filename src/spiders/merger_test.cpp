#include "spiders/merger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

namespace spiderling {
namespace {

ConnectionRecord ended(ConnectionState state) {
  ConnectionRecord record;
  record.state = state;
  return record;
}
ObservedFlow seen(std::uint64_t token) {
  ObservedFlow flow;
  flow.token = token;
  flow.states = std::make_unique<std::uint8_t[]>(1);
  return flow;
}
ObservedFlow not_seen(std::uint64_t token) {
  ObservedFlow flow;
  flow.token = token;
  return flow;
}

class MergerTest : public ::testing::Test {
 protected:
  std::uint64_t open(std::size_t connections) {
    Job job;
    job.line = 7;
    return merger.open(std::move(job), connections);
  }
  std::optional<MergedJob> finished;
  int times = 0;
  Merger merger{[this](MergedJob&& job) {
    finished = std::move(job);
    ++times;
  }};
};

TEST_F(MergerTest, WordsInEveryOrderFinishAJobOnceAndWithTheLast) {
  std::vector<int> order{0, 1, 2, 3};
  do {
    const std::uint64_t id = open(2);
    merger.expect(id, 0);
    merger.expect(id, 1);
    times = 0;
    for (const int word : order) {
      EXPECT_EQ(times, 0);
      EXPECT_EQ(merger.size(), 1u);
      switch (word) {
        case 0: merger.connection_ended(id, 0, ended(ConnectionState::ok)); break;
        case 1: merger.connection_ended(id, 1, ended(ConnectionState::timeout)); break;
        case 2: merger.flow_ended(seen(Merger::token(id, 0))); break;
        case 3: merger.flow_ended(not_seen(Merger::token(id, 1))); break;
      }
    }
    ASSERT_EQ(times, 1);
    EXPECT_EQ(merger.size(), 0u);
    EXPECT_EQ(finished->job.line, 7u);
    EXPECT_EQ(finished->connections[0].record.state, ConnectionState::ok);
    EXPECT_EQ(finished->connections[1].record.state, ConnectionState::timeout);
    EXPECT_NE(finished->connections[0].flow.states, nullptr);
    EXPECT_EQ(finished->connections[1].flow.states, nullptr);
    EXPECT_EQ(finished->missed_flows(), 1u);
  } while (std::ranges::next_permutation(order).found);
}

TEST_F(MergerTest, AConnectionWithoutAFlowIsNotMissed) {
  const std::uint64_t id = open(2);
  merger.connection_ended(id, 0, ended(ConnectionState::skipped));
  EXPECT_EQ(times, 0);
  merger.connection_ended(id, 1, ended(ConnectionState::skipped));
  ASSERT_EQ(times, 1);
  EXPECT_FALSE(finished->connections[0].attempted);
  EXPECT_EQ(finished->missed_flows(), 0u);
}

TEST_F(MergerTest, WhatIsForgottenIsNotWaitedForAndMayBeExpectedAgain) {
  const std::uint64_t id = open(1);
  for (int i = 0; i < 3; ++i) {
    merger.expect(id, 0);
    merger.forget(id, 0);
  }
  merger.expect(id, 0);
  merger.connection_ended(id, 0, ended(ConnectionState::ok));
  EXPECT_EQ(times, 0);
  merger.flow_ended(seen(Merger::token(id, 0)));
  EXPECT_EQ(times, 1);

  const std::uint64_t other = open(1);
  merger.expect(other, 0);
  merger.forget(other, 0);
  merger.connection_ended(other, 0, ended(ConnectionState::discard));
  ASSERT_EQ(times, 2);
  EXPECT_EQ(finished->missed_flows(), 0u);
}

TEST_F(MergerTest, WordsThatNobodyWaitsForChangeNothing) {
  merger.flow_ended(seen(0));
  merger.flow_ended(seen(12345));
  const std::uint64_t id = open(2);
  merger.flow_ended(seen(Merger::token(id, 0)));  // not expected
  merger.expect(id, 0);
  merger.flow_ended(seen(Merger::token(id, 2)));  // there are two connections
  merger.flow_ended(seen(Merger::token(id, 255)));
  merger.flow_ended(seen(Merger::token(id + 1, 0)));  // no such job yet
  merger.flow_ended(seen(Merger::token(id, 0)));
  merger.flow_ended(not_seen(Merger::token(id, 0)));  // a second word
  merger.connection_ended(id, 0, ended(ConnectionState::ok));
  EXPECT_EQ(times, 0);
  merger.connection_ended(id, 1, ended(ConnectionState::ok));
  ASSERT_EQ(times, 1);
  EXPECT_NE(finished->connections[0].flow.states, nullptr);
  merger.flow_ended(seen(Merger::token(id, 0)));  // its job is finished
  EXPECT_EQ(times, 1);
}

TEST_F(MergerTest, ALeaseIsKeptUntilTheJobIsFinished) {
  PortAllocator ports({40'000, 40'100}, 10);
  const auto target = *IpAddress::parse("192.0.2.80");
  const std::uint64_t id = open(1);
  merger.expect(id, 0);
  merger.keep(id, 0, std::move(*ports.take(target, 80)));
  merger.connection_ended(id, 0, ended(ConnectionState::ok));
  EXPECT_EQ(ports.in_use(), 1u);
  merger.flow_ended(seen(Merger::token(id, 0)));
  ASSERT_EQ(times, 1);
  EXPECT_EQ(ports.in_use(), 1u) << "the job still holds it";
  finished.reset();
  EXPECT_EQ(ports.in_use(), 0u);
}

TEST_F(MergerTest, AJobStaysWhereItIsWhileOthersComeAndGo) {
  const std::uint64_t id = open(1);
  const Job* const job = &merger.job(id);
  std::vector<std::uint64_t> others;
  for (int i = 0; i < 10'000; ++i) others.push_back(open(1));
  for (const std::uint64_t other : others) merger.connection_ended(other, 0, ended(ConnectionState::ok));
  EXPECT_EQ(&merger.job(id), job);
  EXPECT_EQ(merger.size(), 1u);
}

TEST_F(MergerTest, WhoIsToldOfAJobMayOpenAnother) {
  std::size_t opened = 0;
  std::function<void()> open_next;
  Merger chained([&](MergedJob&&) { open_next(); });
  std::uint64_t last = 0;
  open_next = [&] {
    if (++opened < 100) last = chained.open({}, 1);
  };
  open_next();
  while (chained.size() > 0) chained.connection_ended(last, 0, ended(ConnectionState::ok));
  EXPECT_EQ(opened, 100u);
}

}  // namespace
}  // namespace spiderling
