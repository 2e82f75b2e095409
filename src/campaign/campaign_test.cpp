#include "campaign/campaign.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <map>

#include "campaign/test_campaign_folder.h"

namespace spiderling {
namespace {

class CampaignTest : public ::testing::Test {
 protected:
  using Opened = Result<std::unique_ptr<Campaign>>;
  Opened open(bool resume = false, std::string timeout = "5") {
    return Campaign::open({journal, resume, output, {"ecn", "1.0.0", {{"--timeout", std::move(timeout)}}}});
  }
  static Job job(std::uint64_t line, const std::string& domain = "") {
    Job one;
    one.line = line;
    one.domain = domain.empty() ? "host" + std::to_string(line) + ".test" : domain;
    return one;
  }
  static std::string result(std::uint64_t line) { return "{\"line\": " + std::to_string(line) + "}\n"; }

  // Takes jobs of the list until it has done so many; how many it has done.
  static std::uint64_t work(Campaign& campaign, std::uint64_t list, std::uint64_t most) {
    std::uint64_t done = 0;
    for (std::uint64_t line = 1; line <= list && done < most; ++line) {
      EXPECT_EQ(campaign.check(job(line)), "");
      if (campaign.is_done(job(line))) continue;
      campaign.finished(job(line));
      EXPECT_TRUE(campaign.write(result(line)));
      ++done;
    }
    return done;
  }
  // A whole run of up to `most` jobs.
  void run(bool resume, std::uint64_t list, std::uint64_t most, bool all_done) {
    auto campaign = open(resume);
    ASSERT_TRUE(campaign) << campaign.error().message;
    const auto begun = (*campaign)->begin();
    ASSERT_TRUE(begun) << begun.error().message;
    (*campaign)->start();
    work(**campaign, list, most);
    const auto closed = (*campaign)->close(all_done);
    EXPECT_TRUE(closed) << closed.error().message;
  }
  void expect_all_once(std::uint64_t list) {
    std::string all;
    for (std::uint64_t line = 1; line <= list; ++line) all += result(line);
    EXPECT_EQ(folder.read(output), all);
  }

  TestCampaignFolder folder;
  std::string journal = folder.file("journal"), output = folder.file("results");
};

TEST_F(CampaignTest, GoesOnWhereItEnded) {
  run(false, 1000, 300, false);
  run(true, 1000, 10, false);
  run(true, 1000, 1000, true);
  expect_all_once(1000);
  for (const bool resume : {false, true}) {
    const auto again = open(resume);
    ASSERT_TRUE(again);
    EXPECT_TRUE((*again)->is_finished());
  }
}

TEST_F(CampaignTest, WhatTheJournalDoesNotKnowIsTakenBackAndDoneAgain) {
  run(false, 100, 40, false);
  const std::string known = folder.read(output), journal_of_40 = folder.read(journal);
  run(true, 100, 30, false);
  const std::string results_of_70 = folder.read(output);
  // A power cut: any part of what was not made safe may be there.
  for (std::size_t size = known.size(); size <= results_of_70.size(); size += 17) {
    folder.write(output, results_of_70.substr(0, size));
    folder.write(journal, journal_of_40 + std::string(size % 13, 'x'));
    run(true, 100, 100, true);
    expect_all_once(100);
  }
}

TEST_F(CampaignTest, TheJournalMayBeTornAnywhere) {
  run(false, 60, 20, false);
  run(true, 60, 20, false);
  const std::string results = folder.read(output), whole = folder.read(journal);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    folder.write(output, results);
    folder.write(journal, whole.substr(0, size));
    auto begun = open(true);
    if (!begun) {
      // Nothing says what the results are: they are not emptied.
      EXPECT_NE(begun.error().message.find("is not empty"), std::string::npos) << begun.error().message;
      EXPECT_EQ(folder.read(output), results);
      continue;
    }
    begun->reset();
    run(true, 60, 60, true);
    expect_all_once(60);
  }
}

TEST_F(CampaignTest, AnUnfinishedRunIsNotStartedOverByMistake) {
  run(false, 100, 40, false);
  const auto again = open(false);
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message.find("--resume"), std::string::npos) << again.error().message;
  EXPECT_FALSE(folder.read(output).empty());
}

TEST_F(CampaignTest, GoingOnWithNothingIsBeginningButNeverOverResults) {
  folder.write(output, "of yesterday\n");
  EXPECT_FALSE(open(true));
  EXPECT_EQ(folder.read(output), "of yesterday\n");
  std::filesystem::remove(output);
  run(true, 10, 10, true);
  expect_all_once(10);
}

TEST_F(CampaignTest, AnotherRunIsRefused) {
  run(false, 100, 40, false);
  const auto other = open(true, "6");
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("--timeout was 5, is 6"), std::string::npos) << other.error().message;
}

TEST_F(CampaignTest, AnotherListIsRefusedWithItsLine) {
  run(false, 100, 40, false);
  auto campaign = open(true);
  ASSERT_TRUE((*campaign)->begin());
  for (std::uint64_t line = 1; line < 17; ++line) EXPECT_EQ((*campaign)->check(job(line)), "");
  const std::string why = (*campaign)->check(job(17, "another.test"));
  EXPECT_EQ(why.find("line 17 of the job list"), 0u) << why;
}

TEST_F(CampaignTest, AListThatIsShorterIsRefused) {
  run(false, 100, 40, false);
  auto campaign = open(true);
  ASSERT_TRUE((*campaign)->begin());
  for (std::uint64_t line = 1; line <= 39; ++line) EXPECT_EQ((*campaign)->check(job(line)), "");
  EXPECT_NE((*campaign)->check_end(), "");
  EXPECT_EQ((*campaign)->check(job(40)), "");
  EXPECT_EQ((*campaign)->check_end(), "");
}

TEST_F(CampaignTest, ResultsThatAreNotThoseOfTheJournalAreLeftAlone) {
  run(false, 100, 40, false);
  const std::string results = folder.read(output);
  std::string other = results;
  other[other.size() - 5] = 'x';
  for (const std::string& text : {results.substr(0, results.size() - 1), std::string(), other}) {
    folder.write(output, text);
    auto campaign = open(true);
    ASSERT_TRUE(campaign);
    EXPECT_FALSE((*campaign)->begin()) << text.size();
    EXPECT_EQ(folder.read(output), text);
  }
  folder.write(output, results);
  run(true, 100, 100, true);
  expect_all_once(100);
}

TEST_F(CampaignTest, OneAtATime) {
  auto first = open();
  ASSERT_TRUE(first);
  const auto second = open();
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("used by another process"), std::string::npos);
}

TEST_F(CampaignTest, FilesThatCannotBeUsedAreNotTouched) {
  folder.write(journal, "my diary\n");
  EXPECT_FALSE(open());
  EXPECT_EQ(folder.read(journal), "my diary\n");
  std::filesystem::remove(journal);
  output = "/dev/full";
  EXPECT_FALSE(open()) << "no regular file";
  output = journal;
  EXPECT_FALSE(open()) << "the journal itself";
}

// As a full disk does it: nothing can be written beyond some length of a file.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FileLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(CampaignTest, AFullDiskEndsItInOrderWhereverItStrikes) {
  for (rlim_t limit = 100; limit < 6000; limit += 271) {
    std::filesystem::remove(journal);
    std::filesystem::remove(output);
    {
      const FileLimit full(limit);
      auto campaign = open();
      ASSERT_TRUE(campaign);
      ASSERT_TRUE((*campaign)->begin());
      (*campaign)->start();
      for (std::uint64_t line = 1; line <= 500; ++line) {
        EXPECT_EQ((*campaign)->check(job(line)), "");
        (*campaign)->finished(job(line));
        if (!(*campaign)->write(result(line))) break;
      }
      const auto closed = (*campaign)->close(true);
      ASSERT_FALSE(closed) << limit;
      EXPECT_TRUE((*campaign)->has_failed());
      EXPECT_NE(closed.error().message.find("--resume"), std::string::npos) << closed.error().message;
    }
    const std::string left = folder.read(output);
    EXPECT_TRUE(left.empty() || left.back() == '\n');
    run(true, 500, 500, true);
    expect_all_once(500);
  }
}

}  // namespace
}  // namespace spiderling
