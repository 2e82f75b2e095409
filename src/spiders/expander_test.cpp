#include "spiders/expander.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <stdexcept>
#include <string>

namespace spiderling {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

/// Says of a domain what the domain says: "twice" becomes two jobs, "nothing" none, "throws" throws; a name
/// that is an address needs nobody to be asked.
class Scripted : public ExpandMeasurement {
 public:
  static constexpr const char* name = "scripted";
  static constexpr const char* description = "for tests";
  static constexpr const char* version = "1.0.0";

  Task<Expansion> expand(const Job& job, Resolver& resolver) override {
    ++now_;
    most_ = std::max(most_, now_);
    Expansion expansion;
    const ResolvedName address = co_await resolver.resolve("192.0.2.1");
    --now_;
    if (job.domain == "throws") throw std::runtime_error("as it was told");
    if (job.domain == "nothing") expansion.reason = "as it was told";
    if (job.domain != "nothing") expansion.jobs.push_back(job.at(address.addresses.at(0)));
    if (job.domain == "twice") expansion.jobs.push_back(job.at(address.addresses.at(0)));
    co_return expansion;
  }
  std::size_t most() const { return most_; }

 private:
  std::size_t now_ = 0, most_ = 0;
};

class ListFeed final : public JobFeed {
 public:
  explicit ListFeed(std::deque<std::string> domains) : domains_(std::move(domains)) {}
  State next(Job& job) override {
    if (pause_every_ != 0 && ++asked_ % pause_every_ == 0) return State::later;
    if (domains_.empty()) return State::ended;
    job.domain = domains_.front();
    job.members = "\"domain\":\"" + job.domain + "\"";
    job.line = ++line_;
    domains_.pop_front();
    return State::job;
  }
  void pause_every(std::size_t times) { pause_every_ = times; }
  std::size_t left() const { return domains_.size(); }

 private:
  std::deque<std::string> domains_;
  std::size_t pause_every_ = 0, asked_ = 0;
  std::uint64_t line_ = 0;
};

class ExpanderTest : public ::testing::Test {
 protected:
  void run(ListFeed& feed, std::size_t workers, std::function<void(Expander&)> on_finish = {}) {
    auto names = NameResolver::make(loop_, {});
    ASSERT_TRUE(names) << names.error().message;
    bool done = false;
    Expander expander(loop_, measurement_, **names, feed, workers,
                      [&](const Job& job, Expansion&& expansion) {
                        EXPECT_FALSE(done);
                        ++finished_[job.line];
                        jobs_ += expansion.jobs.size();
                        if (expansion.jobs.empty()) ++reasons_[expansion.reason];
                        if (on_finish) on_finish(expander_now());
                      });
    now_ = &expander;
    expander.start([&] { done = true; });
    const auto last = std::chrono::steady_clock::now() + 30s;
    while (!done && std::chrono::steady_clock::now() < last) loop_.run_one_for(100ms);
    EXPECT_TRUE(done);
    EXPECT_EQ(expander.held(), 0u);
    EXPECT_EQ(expander.counters().taken, expander.counters().finished);
    counters_ = expander.counters();
    loop_.poll();
  }
  Expander& expander_now() { return *now_; }

  asio::io_context loop_{1};
  Scripted measurement_;
  std::map<std::uint64_t, int> finished_;  // how often, by line
  std::map<std::string, int> reasons_;
  std::size_t jobs_ = 0;
  ExpanderCounters counters_;

 private:
  Expander* now_ = nullptr;
};

TEST_F(ExpanderTest, EachJobIsFinishedOnce) {
  ListFeed feed(std::deque<std::string>(1000, "twice"));
  feed.pause_every(7);
  run(feed, 10);
  EXPECT_EQ(finished_.size(), 1000u);
  for (const auto& [line, times] : finished_) EXPECT_EQ(times, 1) << line;
  EXPECT_EQ(jobs_, 2000u);
  EXPECT_LE(measurement_.most(), 10u);
  EXPECT_GT(measurement_.most(), 1u);
}

TEST_F(ExpanderTest, BeginsWithFewAtOnce) {
  ListFeed feed(std::deque<std::string>(1000, "once"));
  run(feed, 100'000);
  EXPECT_EQ(finished_.size(), 1000u);
  EXPECT_EQ(measurement_.most(), GrowingWindow::first);
}

TEST_F(ExpanderTest, WhatComesToNothingIsToldWithItsReason) {
  ListFeed feed({"once", "nothing", "throws", "twice"});
  run(feed, 100);
  EXPECT_EQ(jobs_, 3u);
  EXPECT_EQ(reasons_["as it was told"], 1);
  EXPECT_EQ(reasons_["the measurement failed"], 1);
  EXPECT_EQ(counters_.failures_of_plugin, 1u);
}

TEST_F(ExpanderTest, AnEmptyListIsDoneAtOnce) {
  ListFeed feed({});
  run(feed, 1);
  EXPECT_EQ(counters_.taken, 0u);
}

TEST_F(ExpanderTest, AskedToFinishItTakesNoMore) {
  ListFeed feed(std::deque<std::string>(1000, "once"));
  run(feed, 5, [](Expander& expander) { expander.finish_soon(); });
  EXPECT_GT(feed.left(), 900u);
  EXPECT_EQ(finished_.size() + feed.left(), 1000u);
}

}  // namespace
}  // namespace spiderling
