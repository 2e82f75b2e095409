#include "jobs/job_intake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "jobs/job_fields.h"
#include "jobs/test_jobs.h"

namespace spiderling {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class JobIntakeTest : public ::testing::Test {
 protected:
  // `list`: NDJSON. The clock is the test's.
  void open(const std::string& list, JobIntakeOptions options = {}) {
    intake.reset();
    auto opened = JobReader::open(folder.file("list", list), {});
    ASSERT_TRUE(opened) << opened.error().message;
    reader = std::move(*opened);
    options.now = [this] { return now; };
    intake.emplace(*reader, std::move(options));
  }
  static std::string line(std::string_view dip, std::string_view more = {}) {
    return fmt::format("{{\"dip\":\"{}\"{}}}\n", dip, more);
  }
  static std::string many(unsigned count) {
    std::string list;
    for (unsigned i = 0; i < count; ++i) list += line(fmt::format("9.{}.{}.1", i / 256, i % 256));
    return list;
  }
  std::vector<std::uint64_t> lines_by_waiting() {
    std::vector<std::uint64_t> lines;
    Job job;
    while (intake->wait(job)) lines.push_back(job.line);
    return lines;
  }
  // The next job, while time goes on; nothing at the end.
  std::optional<Job> next(std::chrono::milliseconds step = 5ms) {
    Job job;
    while (true) {
      switch (intake->next(job)) {
        case JobIntake::State::job: return job;
        case JobIntake::State::ended: return std::nullopt;
        case JobIntake::State::waiting:
          // The reader has a thread of its own: until it has read something, no time goes by. Lists whose
          // time matters are read at once.
          if (reader->counters().jobs > 0) now += step;
          std::this_thread::yield();
      }
    }
  }
  std::vector<std::uint64_t> lines() {
    std::vector<std::uint64_t> all;
    while (const auto job = next()) {
      all.push_back(job->line);
      intake->finished(*job);
    }
    return all;
  }
  // What must hold at the end of every run.
  void expect_nothing_lost() const {
    const IntakeCounters& c = intake->counters();
    EXPECT_EQ(reader->counters().jobs, c.given + c.all_left_out());
  }

  JobFolder folder;
  Pacer::Time now{1h};
  std::unique_ptr<JobReader> reader;
  std::optional<JobIntake> intake;
};

TEST_F(JobIntakeTest, LeavesOutWhatMustNotBeAskedAndCountsWhy) {
  JobIntakeOptions options;
  ASSERT_TRUE(options.filter.opt_out.add_line("optout.test"));
  options.filter.opt_out.finish();
  options.filter.blocklist.emplace();
  ASSERT_TRUE(options.filter.blocklist->add_line("9.9.0.0/16"));
  options.filter.blocklist->finish();
  options.filter.allowlist.emplace();
  for (const char* one : {"9.0.0.0/8", "10.0.0.0/8", "test"})
    ASSERT_TRUE(options.filter.allowlist->add_line(one));
  options.filter.allowlist->finish();
  open(line("9.1.1.1") + line("10.0.0.1") + line("9.9.9.9") + line("8.8.8.8") + line("9.1.1.1") +
           line("9.1.1.2", ",\"domain\":\"www.optout.test\"") + "{\"domain\":\"a.test\"}\n" +
           line("9.1.1.1", ",\"dp\":80"),
       options);
  EXPECT_THAT(lines(), ElementsAre(1, 7, 8));
  const IntakeCounters& c = intake->counters();
  EXPECT_EQ(c.of(LeftOut::special_purpose), 1u);
  EXPECT_EQ(c.of(LeftOut::blocked), 1u);
  EXPECT_EQ(c.of(LeftOut::not_allowed), 1u);
  EXPECT_EQ(c.of(LeftOut::duplicate), 1u);
  EXPECT_EQ(c.of(LeftOut::opted_out), 1u);
  EXPECT_EQ(c.without_address, 1u);
  EXPECT_EQ(
      c.text(),
      ", left out: 1 opted out, 1 special-purpose addresses, 1 on the blocklist, 1 not on the allowlist, "
      "1 duplicates, 1 without an address");
  expect_nothing_lost();
}

TEST_F(JobIntakeTest, WhenNobodyIsLeftToAskItSaysHowPrivateAddressesAreAsked) {
  open(line("10.0.0.1") + line("127.0.0.1"), {});
  EXPECT_THAT(lines(), ElementsAre());
  EXPECT_EQ(intake->counters().text(),
            ", left out: 2 special-purpose addresses (--blocklist none asks them)");
}

TEST_F(JobIntakeTest, WhoOptedOutIsNotAskedEvenIfNobodyIsBlocked) {
  JobIntakeOptions options;
  options.filter.blocks_special_purpose = false;
  ASSERT_TRUE(options.filter.opt_out.add_line("10.0.0.1"));
  options.filter.opt_out.finish();
  open(line("10.0.0.1") + line("10.0.0.2"), options);
  EXPECT_THAT(lines(), ElementsAre(2));
}

TEST_F(JobIntakeTest, APortIsGivenBeforeDuplicatesAreJudged) {
  JobIntakeOptions options;
  options.port = 443;
  open(line("9.1.1.1", ",\"dp\":80,\"x\":{\"y\":1}") + line("9.1.1.1", ",\"dp\":\"8080\"") + line("9.1.1.1") +
           line("9.1.1.2", ",\"dp\":null,\"in\":{\"dp\":1}") +
           line("9.1.1.3", ",\"dp\": 80 ,\"in\":{\"dp\":1}"),
       options);
  std::vector<std::string> members;
  Job job;
  while (intake->wait(job)) {
    EXPECT_EQ(job.dp, 443);
    EXPECT_EQ(job.member("dp"), Payload(443)) << job.members;
    members.push_back(job.members);
  }
  EXPECT_THAT(members, ElementsAre("\"dip\":\"9.1.1.1\",\"dp\":443,\"x\":{\"y\":1}",
                                   "\"dip\":\"9.1.1.2\",\"in\":{\"dp\":1},\"dp\":443",
                                   "\"dip\":\"9.1.1.3\",\"in\":{\"dp\":1},\"dp\":443"));
}

TEST_F(JobIntakeTest, ShuffledIsAnotherOrderOfTheSame) {
  const auto shuffled = [&](std::uint64_t seed, std::size_t window, bool waits) {
    JobIntakeOptions options;
    options.shuffle = true;
    options.seed = seed;
    options.shuffle_window = window;
    open(many(3000), options);
    const auto order = waits ? lines_by_waiting() : lines();
    expect_nothing_lost();
    return order;
  };
  const auto first = shuffled(1, 1000, false);
  EXPECT_EQ(first, shuffled(1, 1000, true)) << "however the list is read";
  EXPECT_NE(first, shuffled(2, 1000, false));
  EXPECT_FALSE(std::ranges::is_sorted(first));
  EXPECT_THAT(std::set(first.begin(), first.end()), SizeIs(3000));
  for (std::size_t i = 0; i < first.size(); ++i) ASSERT_LE(first[i], i + 1000) << "read no further ahead";
  const auto whole = shuffled(1, 50'000, false);
  EXPECT_THAT(std::set(whole.begin(), whole.end()), SizeIs(3000));
}

TEST_F(JobIntakeTest, NoMoreThanTheMostTargets) {
  const std::map<std::size_t, std::uint64_t> read_too_far{{0, 0}, {10, 9}, {50'000, 93}};  // by the window
  for (const auto& [window, beyond] : read_too_far) {
    JobIntakeOptions options;
    options.max_targets = 7;
    options.shuffle = window > 0;
    options.shuffle_window = window;
    open(line("10.0.0.1") + many(100), options);
    EXPECT_THAT(lines(), SizeIs(7));
    EXPECT_TRUE(intake->counters().reached_max_targets);
    EXPECT_EQ(intake->counters().of(LeftOut::beyond_target), beyond);
    expect_nothing_lost();
  }
}

TEST_F(JobIntakeTest, JobsDoneBeforeAreCountedButNotGiven) {
  for (const bool shuffle : {false, true}) {
    JobIntakeOptions options;
    options.shuffle = shuffle;
    options.shuffle_window = 20;
    options.max_targets = 30;
    const std::string list = many(40) + many(40);  // the second half: duplicates, also of what is done
    open(list, options);
    const auto all = lines();
    const std::set<std::uint64_t> done(all.begin(), all.begin() + 11);
    options.skip = [&](const Job& job) { return done.contains(job.line); };
    open(list, options);
    EXPECT_EQ(lines(), std::vector<std::uint64_t>(all.begin() + 11, all.end()))
        << "the same, in the same order";
    EXPECT_EQ(intake->counters().of(LeftOut::done_before), 11u);
    expect_nothing_lost();
  }
}

TEST_F(JobIntakeTest, IsAsFastAsTheRate) {
  JobIntakeOptions options;
  options.pace.rate = 100;
  open(many(301), options);
  ASSERT_TRUE(next());
  const auto first = now;
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(next());
  EXPECT_NEAR(std::chrono::duration<double>(now - first).count(), 3, 0.1);
}

TEST_F(JobIntakeTest, ABusyPrefixDoesNotHoldUpTheOthers) {
  JobIntakeOptions options;
  options.pace.rate_per_prefix = 1;
  std::string list;
  for (int i = 0; i < 20; ++i) list += line(fmt::format("9.9.9.{}", i));
  open(list + many(50), options);
  const auto order = lines();
  EXPECT_THAT(order, SizeIs(70));
  const auto last_other = std::find_if(order.rbegin(), order.rend(), [](auto one) { return one > 20; });
  EXPECT_GE(last_other - order.rbegin(), 10) << "before most of the neighbours";
  expect_nothing_lost();
}

TEST_F(JobIntakeTest, WhenTheTimeIsUpNoMoreIsTakenAndNoneIsLost) {
  JobIntakeOptions options;
  options.pace.rate = 10;
  options.max_duration = 1s;
  open(many(100), options);
  EXPECT_THAT(lines(), SizeIs(testing::AllOf(testing::Ge(10u), testing::Le(12u))));
  EXPECT_TRUE(intake->counters().reached_max_duration);
  expect_nothing_lost();
}

TEST_F(JobIntakeTest, StoppedItGivesNoMore) {
  JobIntakeOptions options;
  options.shuffle = true;
  options.shuffle_window = 10;
  open(many(100), options);
  ASSERT_TRUE(next());
  intake->stop();
  EXPECT_FALSE(next());
  EXPECT_EQ(intake->counters().of(LeftOut::time_was_up), 9u);
  expect_nothing_lost();
}

TEST_F(JobIntakeTest, WhatCameToNothingIsAskedAgainAfterAPause) {
  JobIntakeOptions options;
  options.retries = 2;
  options.retry_pause = 10s;
  open(many(2), options);
  const auto start = now;
  std::vector<std::string> seen;
  std::map<std::uint64_t, Pacer::Time> last;
  // Job 1 never answers, job 2 answers the second time.
  while (const auto job = next(100ms)) {
    const unsigned attempt = intake->attempt(*job);
    seen.push_back(fmt::format("{}:{}", job->line, attempt));
    if (attempt > 1) {
      EXPECT_GE(now - last[job->line], 10s);
    }
    last[job->line] = now;
    const bool again = (job->line == 1 || attempt < 2) && intake->may_ask_again(*job);
    if (again) {
      intake->ask_again(*job, {job->line, fmt::format("result {}", attempt), {}});
    } else {
      intake->finished(*job);
    }
  }
  EXPECT_THAT(seen, testing::UnorderedElementsAre("1:1", "2:1", "1:2", "2:2", "1:3"));
  EXPECT_GE(now - start, 20s);
  EXPECT_EQ(intake->counters().given, 2u);
  EXPECT_EQ(intake->counters().asked_again, 3u);
  EXPECT_THAT(intake->leftovers(), IsEmpty());
  expect_nothing_lost();
}

TEST_F(JobIntakeTest, TheEndOfTheListIsNotTheEndWhileAJobMayComeBack) {
  JobIntakeOptions options;
  options.retries = 1;
  options.retry_pause = 0ms;
  open(many(1), options);
  const auto job = next();
  ASSERT_TRUE(job);
  Job none;
  while (!reader->counters().jobs || intake->next(none) != JobIntake::State::waiting)
    std::this_thread::yield();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(intake->next(none), JobIntake::State::waiting);
  intake->ask_again(*job, {job->line, "", {}});
  const auto again = next();
  ASSERT_TRUE(again);
  EXPECT_FALSE(intake->may_ask_again(*again));
  intake->finished(*again);
  EXPECT_FALSE(next());
}

TEST_F(JobIntakeTest, GivenAgainAJobIsStillOneJob) {
  JobIntakeOptions options;
  options.gives_again = true;
  open(many(2), options);
  auto job = next();
  ASSERT_TRUE(job);
  const std::uint64_t first = job->line;
  intake->give_again(*job);
  std::multiset<std::uint64_t> given;
  while ((job = next())) {
    given.insert(job->line);
    intake->finished(*job);
  }
  EXPECT_THAT(given, testing::UnorderedElementsAre(first, 3 - first));
  EXPECT_EQ(intake->counters().given, 2u);
  EXPECT_EQ(intake->counters().repeated, 1u);
  expect_nothing_lost();
}

TEST_F(JobIntakeTest, GivingAgainKeepsThePace) {
  JobIntakeOptions options;
  options.gives_again = true;
  options.pace.rate = 10;
  open(many(1), options);
  const auto began = now;
  auto job = next();
  for (int times = 1; times < 30; ++times) {
    ASSERT_TRUE(job);
    intake->give_again(*job);
    job = next();
  }
  ASSERT_TRUE(job);
  intake->finished(*job);
  EXPECT_FALSE(next());
  EXPECT_GE(now - began, 1500ms);  // but for the tokens that were there at the beginning
}

TEST_F(JobIntakeTest, WhatWasFoundIsNotLostWhenTheRunIsStopped) {
  JobIntakeOptions options;
  options.retries = 1;
  open(many(3), options);
  for (int i = 0; i < 2; ++i) {
    const auto job = next();
    ASSERT_TRUE(job);
    intake->ask_again(*job, {job->line, fmt::format("found {}", job->line), {}});
  }
  intake->stop();
  EXPECT_FALSE(next());
  const auto leftovers = intake->leftovers();
  ASSERT_THAT(leftovers, SizeIs(2));
  EXPECT_EQ(leftovers[0].result, "found 1");
  EXPECT_EQ(leftovers[1].result, "found 2");
}

TEST_F(JobIntakeTest, NoNewJobsWhileManyWaitToBeAskedAgain) {
  JobIntakeOptions options;
  options.retries = 1;
  options.retry_room = 5;
  open(many(20), options);
  for (int i = 0; i < 5; ++i) {
    const auto job = next();
    ASSERT_TRUE(job);
    intake->ask_again(*job, {job->line, "", {}});
  }
  Job job;
  EXPECT_EQ(intake->next(job), JobIntake::State::waiting);
  const auto again = next(1s);
  ASSERT_TRUE(again);
  EXPECT_EQ(intake->attempt(*again), 2u);
}

}  // namespace
}  // namespace spiderling
