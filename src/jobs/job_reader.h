// A job list as a stream of jobs.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/error.h"
#include "capture/input_file.h"
#include "capture/source.h"
#include "jobs/bad_line.h"
#include "jobs/line_splitter.h"
#include "jobs/list_input.h"

namespace spiderling {

enum class JobFormat : std::uint8_t {
  ndjson,
  csv,
  by_first_line,  ///< NDJSON if it begins with {, else CSV
};

struct JobReaderOptions {
  JobFormat format = JobFormat::ndjson;
  /// After next() said that there is nothing yet: call it again. From the reader's thread, or from next()
  /// itself; must not call the reader. For an event loop: `[&] { boost::asio::post(loop, take_jobs); }`.
  std::function<void()> on_more = [] {};
  /// Each bad line, in order, from within next() or wait(). They are counted besides.
  std::function<void(const BadLine&)> on_bad_line = [](const BadLine&) {};
  /// Each job, in order, before it is given. Not empty: why the list is read no further (see failure()).
  std::function<std::string(const Job&)> check{};
};

/// What became of the lines so far. Empty lines are neither.
struct JobCounters {
  std::uint64_t jobs = 0;
  std::uint64_t bad = 0;
  std::array<std::uint64_t, bad_line_kinds> bad_by_kind{};

  /// "12 not JSON, 3 bad port"; empty if there is none.
  std::string bad_lines() const;
};

/// Reads a list of any length, packed (gzip, zstd, bzip2) or not, with a thread of its own, a few thousand
/// jobs ahead at most: when they are not taken, it waits (and with it whoever writes into the pipe). A line
/// that is no job is reported and counted, and the next one is read.
///
/// Thread-safety: stop() from any thread; everything else from one.
///
///     auto reader = JobReader::open("-", {.on_more = ..., .on_bad_line = ...});
///     Job job;
///     while ((state = (*reader)->next(job)) == JobReader::State::job) start(std::move(job));
class JobReader {
 public:
  /// `path` "-" is standard input, which may be a terminal. Error: it cannot be opened. The thread starts
  /// with the first job that is asked for, so that privileges can be given up in between.
  static Result<std::unique_ptr<JobReader>> open(const std::string& path, JobReaderOptions options);
  JobReader(const JobReader&) = delete;
  JobReader& operator=(const JobReader&) = delete;
  /// Stops.
  ~JobReader();

  enum class State : std::uint8_t {
    job,      ///< `job` was filled
    waiting,  ///< nothing yet; on_more() will be called, once
    ended,    ///< no more, ever: the list has ended, could not be read on (failure()), or stop() was called
  };
  /// Never waits.
  State next(Job& job);
  /// Waits until there is a job; false: the end.
  bool wait(Job& job);

  /// Ends the list here, also for a thread that waits for standard input. Jobs already read are given up.
  void stop();

  /// What kept the list from being read to its end, one line; empty if nothing. Once ended.
  const std::string& failure() const { return failure_; }
  const JobCounters& counters() const { return counters_; }
  /// Bytes of the jobs taken so far, and of the list, 0 if unknown. Of a packed list: bytes as stored, read.
  SourceProgress progress() const;

 private:
  /// What the thread hands over.
  struct Batch {
    std::vector<Job> jobs;
    std::vector<BadLine> bad;
    std::uint64_t bytes_before = 0;  ///< of the list, before its first line
    std::uint64_t bytes_behind = 0;
    std::string failure;
  };

  JobReader(std::string name, std::unique_ptr<InputFile> input, JobReaderOptions options);

  void start();

  // The reader's thread.
  void run();
  template <class Parser>
  void read_with(Parser& parser);
  template <class Parser>
  void take_lines(LineSplitter& splitter, Parser& parser);
  bool hand_over(const LineSplitter& splitter);

  // The caller's.
  bool give(Job& job);
  bool check_next();
  void open_batch(Batch batch);

  const std::string name_;
  const std::unique_ptr<InputFile> input_;
  const JobReaderOptions options_;
  BoundedQueue<Batch> queue_;
  std::atomic<bool> caller_waits_ = false;
  std::atomic<bool> stopped_ = false;
  std::atomic<bool> is_packed_ = false;
  ListInput list_;  // by the reader's thread
  Batch filling_;   // by the reader's thread

  Batch current_;  // the caller's
  std::size_t given_ = 0;
  JobCounters counters_;
  std::string failure_;
  std::thread thread_;  // the last: it uses the others
};

}  // namespace spiderling
