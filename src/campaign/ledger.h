// Results on their way to the disk, and the journal that says which of them are there.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "campaign/result_file.h"
#include "campaign/run_journal.h"

namespace spiderling {

struct LedgerOptions {
  /// How much work a power cut costs at most: results are made safe at least so often, and after so many
  /// bytes.
  std::chrono::milliseconds every{1000};
  std::size_t bytes_at_once = 4u << 20;
  /// From so many bytes that wait on, behind() is true.
  std::size_t most_waiting = 8u << 20;
};

/// Some results, and the lines of the job list that they answer.
struct LedgerEntry {
  std::string results;                 ///< whole lines
  std::vector<std::uint64_t> lines;    ///< may be without results
  std::vector<std::uint16_t> digests;  ///< of jobs read since the last entry
};

/// Writes with a thread of its own, so that nobody waits for the disk: results first, then, when they are
/// safe, what the journal says of them. So the journal never promises what is not there.
///
/// When something cannot be written (a full disk), the results file is cut to what is whole and the journal
/// says, has_failed() is true from then on, and everything that is put afterwards is dropped.
///
/// Thread-safety: one thread.
class Ledger {
 public:
  Ledger(ResultFile results, RunJournal journal, LedgerOptions options = {});
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;
  /// Closes, if nobody did.
  ~Ledger();

  void put(LedgerEntry entry);
  /// The disk does not keep up: better no more jobs are begun for now.
  bool behind() const { return waiting_bytes_.load(std::memory_order_relaxed) >= options_.most_waiting; }
  bool has_failed() const { return has_failed_.load(); }

  /// Waits until all is safe. `all_done`: nothing of the list is left, and the journal says so. Error: what
  /// could not be written, and what to do.
  Result<void> close(bool all_done);

 private:
  void work();
  bool take(std::vector<LedgerEntry>& entries);
  bool write(std::vector<LedgerEntry>& entries);
  bool is_due() const;
  bool checkpoint();
  void give_up(const Error& why, bool results_are_whole);

  ResultFile results_;
  RunJournal journal_;
  const LedgerOptions options_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<LedgerEntry> waiting_;
  bool closing_ = false;
  std::atomic<std::size_t> waiting_bytes_ = 0;
  std::atomic<bool> has_failed_ = false;

  // The thread's, and close()'s when that has ended.
  RunProgress unsafe_;  // written, and not yet in the journal
  std::uint64_t safe_length_;
  std::chrono::steady_clock::time_point last_safe_ = std::chrono::steady_clock::now();
  std::string failure_;
  std::thread thread_;  // the last: it uses the others
};

}  // namespace spiderling
