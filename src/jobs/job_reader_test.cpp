#include "jobs/job_reader.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

namespace spiderling {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// What on_more() is for, without an event loop.
class Bell {
 public:
  void ring() {
    const std::lock_guard lock(mutex_);
    rung_ = true;
    changed_.notify_all();
  }
  bool wait() {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, 60s, [&] { return rung_; });
    rung_ = false;
    return came;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool rung_ = false;
};

class JobReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "job_reader_test.XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override {
    reader.reset();
    std::filesystem::remove_all(folder);
  }
  std::string file(std::string_view bytes) {
    const auto path = folder / "list";
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path.string();
  }
  // A pipe that the test writes into; its reading end has a name.
  int open_pipe() {
    const auto path = (folder / "pipe").string();
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const int writer =
        ::open(path.c_str(), O_RDWR | O_CLOEXEC);  // both, so that neither end waits for the other
    open(path);
    return writer;
  }
  void open(const std::string& path, JobFormat format = JobFormat::ndjson) {
    auto opened =
        JobReader::open(path, {.format = format,
                               .on_more = [this] { bell.ring(); },
                               .on_bad_line = [this](const BadLine& line) { bad.push_back(line); }});
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    reader = std::move(*opened);
  }
  std::vector<Job> all() {
    std::vector<Job> jobs;
    Job job;
    while (reader->wait(job)) jobs.push_back(job);
    return jobs;
  }
  // As an event loop takes them.
  std::vector<Job> all_without_waiting() {
    std::vector<Job> jobs;
    Job job;
    while (true) {
      switch (reader->next(job)) {
        case JobReader::State::job: jobs.push_back(job); break;
        case JobReader::State::ended: return jobs;
        case JobReader::State::waiting:
          if (!bell.wait()) {
            ADD_FAILURE() << "on_more() was not called";
            return jobs;
          }
      }
    }
  }
  std::vector<std::string> bad_lines() const {
    std::vector<std::string> lines;
    for (const BadLine& line : bad)
      lines.push_back(fmt::format("{} {}", line.line, name_of(line.fault.kind)));
    return lines;
  }

  std::filesystem::path folder;
  Bell bell;
  std::vector<BadLine> bad;
  std::unique_ptr<JobReader> reader;
};

std::string numbered_job(std::uint64_t number) {
  return fmt::format(R"({{"dip":"10.{}.{}.{}","dp":80,"number":{}}})", number >> 16 & 255, number >> 8 & 255,
                     number & 255, number);
}

TEST_F(JobReaderTest, TheFirstLineTellsTheFormatIfAsked) {
  for (const std::string list : {"\n{\"dip\":\"192.0.2.1\",\"dp\":80}\n", "\r\n192.0.2.1,80,a.example\n",
                                 "\xEF\xBB\xBF{\"dip\":\"192.0.2.1\"}\n"}) {
    auto opened = JobReader::open(file(list), {.format = JobFormat::by_first_line});
    ASSERT_TRUE(opened);
    Job job;
    ASSERT_TRUE((*opened)->wait(job)) << list;
    EXPECT_EQ(job.dip.to_string(), "192.0.2.1");
    EXPECT_FALSE((*opened)->wait(job));
    EXPECT_EQ((*opened)->counters().bad, 0u);
  }
}

TEST_F(JobReaderTest, ReadsAListOfManyLinesInTheirOrder) {
  std::string list;
  constexpr std::uint64_t count = 20'000;
  for (std::uint64_t i = 0; i < count; ++i) list += numbered_job(i) + "\n";
  open(file(list));
  const auto jobs = all_without_waiting();
  ASSERT_THAT(jobs, SizeIs(count));
  for (std::uint64_t i = 0; i < count; ++i) {
    ASSERT_EQ(jobs[i].line, i + 1);
    ASSERT_EQ("{" + jobs[i].members + "}", numbered_job(i));
  }
  EXPECT_EQ(reader->counters().jobs, count);
  EXPECT_EQ(reader->counters().bad, 0u);
  EXPECT_EQ(reader->progress().done, list.size());
  EXPECT_EQ(reader->progress().total, list.size());
  EXPECT_THAT(reader->failure(), IsEmpty());
}

TEST_F(JobReaderTest, BadLinesAreReportedWithTheirNumbersAndCounted) {
  open(file("\xEF\xBB\xBF{\"dip\":\"192.0.2.1\"}\r\n\nhello\n{\"dip\":\"x\"}\n" +
            std::string(10'000'000, 'x') + "\n{\"domain\":\"\xff\"}\n  \n" + std::string("\0\0\n", 3) +
            "{\"dp\":1}\n{\"dip\":\"192.0.2.2\"}"));
  const auto jobs = all();
  ASSERT_THAT(jobs, SizeIs(2));
  EXPECT_EQ(jobs[0].line, 1u);
  EXPECT_EQ(jobs[1].line, 10u);
  EXPECT_THAT(bad_lines(), ElementsAre("3 not an object", "4 bad address", "5 too long", "6 not UTF-8",
                                       "8 not an object", "9 without target"));
  EXPECT_EQ(reader->counters().bad, 6u);
  EXPECT_EQ(reader->counters().bad_lines(),
            "2 not an object, 1 not UTF-8, 1 too long, 1 without target, 1 bad address");
}

TEST_F(JobReaderTest, ReadsCsv) {
  open(file("rank,domain\n1,example.org\r\n\"2\",\"example.net\"\n"), JobFormat::csv);
  const auto jobs = all();
  ASSERT_THAT(jobs, SizeIs(2));
  EXPECT_EQ(jobs[1].members, R"("domain":"example.net","rank":2)");
  EXPECT_THAT(bad_lines(), ElementsAre("1 bad rank"));
}

TEST_F(JobReaderTest, AnEmptyListHasNoJobs) {
  open(file(""));
  EXPECT_THAT(all_without_waiting(), IsEmpty());
  Job job;
  EXPECT_EQ(reader->next(job), JobReader::State::ended);
}

TEST_F(JobReaderTest, NothingButBadLinesEndsToo) {
  std::string list;
  for (int i = 0; i < 5000; ++i) list += "x\n";
  open(file(list));
  EXPECT_THAT(all_without_waiting(), IsEmpty());
  EXPECT_THAT(bad, SizeIs(5000));
}

TEST_F(JobReaderTest, ALineIsGivenAsSoonAsItHasCome) {
  const int pipe = open_pipe();
  Job job;
  for (std::uint64_t i = 0; i < 5; ++i) {
    const std::string line = numbered_job(i) + "\n" + numbered_job(i).substr(0, 5);  // and part of the next
    ASSERT_EQ(::write(pipe, line.data(), line.size()), static_cast<ssize_t>(line.size()));
    while (reader->next(job) == JobReader::State::waiting) ASSERT_TRUE(bell.wait());
    EXPECT_EQ("{" + job.members + "}", numbered_job(i));
    ASSERT_EQ(reader->next(job), JobReader::State::waiting);
    ASSERT_EQ(::write(pipe, "\n", 1), 1);  // makes it a bad one
  }
  ::close(pipe);
}

TEST_F(JobReaderTest, StopEndsAReaderThatWaitsForItsInput) {
  const int pipe = open_pipe();
  Job job;
  EXPECT_EQ(reader->next(job), JobReader::State::waiting);
  reader->stop();
  EXPECT_EQ(reader->next(job), JobReader::State::ended);
  EXPECT_FALSE(reader->wait(job));
  reader.reset();  // returns
  ::close(pipe);
}

TEST_F(JobReaderTest, StopEndsAWaitOfTheCaller) {
  const int pipe = open_pipe();
  std::thread stopper([&] { reader->stop(); });
  Job job;
  EXPECT_FALSE(reader->wait(job));
  stopper.join();
  ::close(pipe);
}

TEST_F(JobReaderTest, StopEndsAReaderWhoseJobsNobodyTakes) {
  std::string list;
  for (std::uint64_t i = 0; i < 50'000; ++i) list += numbered_job(i) + "\n";
  open(file(list));
  Job job;
  ASSERT_TRUE(reader->wait(job));
  reader->stop();
  EXPECT_FALSE(reader->wait(job));
  EXPECT_LT(reader->progress().done, list.size());
}

TEST_F(JobReaderTest, ReadsAPtyAsATerminal) {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0) GTEST_SKIP() << "SKIPPED: no pseudo-terminal here";
  ASSERT_EQ(::grantpt(master), 0);
  ASSERT_EQ(::unlockpt(master), 0);
  open(::ptsname(master));
  const std::string line = numbered_job(1) + "\n";
  ASSERT_EQ(::write(master, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  Job job;
  ASSERT_TRUE(reader->wait(job));
  EXPECT_EQ("{" + job.members + "}", numbered_job(1));
  reader->stop();
  reader.reset();
  ::close(master);
}

TEST_F(JobReaderTest, WhatCannotBeReadIsSaid) {
  const auto message = [](const std::string& path) {
    const auto opened = JobReader::open(path, {});
    return opened ? "opened" : opened.error().message;
  };
  EXPECT_THAT(message((folder / "none").string()), HasSubstr("no such file"));
  EXPECT_THAT(message(folder.string()), HasSubstr("is a directory; name a list of jobs in it"));
}

TEST_F(JobReaderTest, AListThatFailsInTheMiddleSaysSo) {
  open("/proc/self/mem");  // opens, but cannot be read at its start
  EXPECT_THAT(all(), IsEmpty());
  EXPECT_THAT(reader->failure(), HasSubstr("cannot be read on"));
}

TEST_F(JobReaderTest, AListThatIsNotTheRightOneIsReadNoFurther) {
  const std::string path =
      file("{\"domain\": \"a.test\"}\nno job\n{\"domain\": \"b.test\"}\n{\"domain\": \"c.test\"}\n");
  std::vector<std::uint64_t> checked;
  auto opened = JobReader::open(path, {.check = [&](const Job& job) {
                                  checked.push_back(job.line);
                                  return std::string(job.domain == "b.test" ? "another list" : "");
                                }});
  ASSERT_TRUE(opened) << opened.error().message;
  Job job;
  ASSERT_TRUE((*opened)->wait(job));
  EXPECT_EQ(job.domain, "a.test");
  EXPECT_FALSE((*opened)->wait(job));
  EXPECT_EQ((*opened)->next(job), JobReader::State::ended);
  EXPECT_EQ((*opened)->failure(), "another list");
  EXPECT_THAT(checked, ElementsAre(1, 3));
  EXPECT_EQ((*opened)->counters().jobs, 1u);
}

}  // namespace
}  // namespace spiderling
