#include "campaign/ledger.h"

#include <iterator>
#include <utility>

namespace spiderling {

Ledger::Ledger(ResultFile results, RunJournal journal, LedgerOptions options)
    : results_(std::move(results)),
      journal_(std::move(journal)),
      options_(options),
      safe_length_(results_.length()),
      thread_([this] { work(); }) {}

Ledger::~Ledger() { (void)close(false); }

void Ledger::put(LedgerEntry entry) {
  if (has_failed()) return;
  waiting_bytes_ += entry.results.size();
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(entry));
  }
  changed_.notify_one();
}

Result<void> Ledger::close(bool all_done) {
  if (thread_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    changed_.notify_one();
    thread_.join();
    if (all_done && !has_failed()) {
      if (const auto ended = journal_.end(); !ended) give_up(ended.error(), true);
    }
  }
  if (has_failed()) return tl::unexpected(Error{failure_});
  return {};
}

void Ledger::work() {
  std::vector<LedgerEntry> entries;
  bool more = true;
  while (more) {
    more = take(entries);
    if (!write(entries)) return;
    if ((is_due() || !more) && !checkpoint()) return;
  }
}

// Waits for something to do. False: it is the last.
bool Ledger::take(std::vector<LedgerEntry>& entries) {
  std::unique_lock lock(mutex_);
  const auto something = [this] { return closing_ || !waiting_.empty(); };
  const bool nothing_to_make_safe = unsafe_.lines.empty() && unsafe_.digests.empty();
  if (nothing_to_make_safe) {
    changed_.wait(lock, something);
    last_safe_ = std::chrono::steady_clock::now();  // what comes now may wait as long as all else
  } else {
    changed_.wait_until(lock, last_safe_ + options_.every, something);
  }
  entries = std::exchange(waiting_, {});
  return !closing_;
}

bool Ledger::write(std::vector<LedgerEntry>& entries) {
  for (LedgerEntry& entry : entries) {
    if (const auto written = results_.write(entry.results); !written) {
      give_up(written.error(), true);
      return false;
    }
    waiting_bytes_ -= entry.results.size();
    std::ranges::move(entry.lines, std::back_inserter(unsafe_.lines));
    std::ranges::move(entry.digests, std::back_inserter(unsafe_.digests));
  }
  entries.clear();
  return true;
}

bool Ledger::is_due() const {
  return results_.length() - safe_length_ >= options_.bytes_at_once ||
         std::chrono::steady_clock::now() >= last_safe_ + options_.every;
}

bool Ledger::checkpoint() {
  last_safe_ = std::chrono::steady_clock::now();
  if (unsafe_.lines.empty() && unsafe_.digests.empty()) return true;
  if (const auto safe = results_.sync(); !safe) {
    give_up(safe.error(), false);
    return false;
  }
  unsafe_.output_length = results_.length();
  unsafe_.output_tail = results_.tail();
  if (const auto written = journal_.append(unsafe_); !written) {
    give_up(written.error(), false);
    return false;
  }
  safe_length_ = unsafe_.output_length;
  unsafe_ = {};
  return true;
}

// What is in the file, and whole, is not thrown away if the journal can still say so.
void Ledger::give_up(const Error& why, bool results_are_whole) {
  if (has_failed()) return;
  failure_ = fmt::format("{}; make room, then the same command with --resume goes on", why.message);
  bool kept = false;
  if (results_are_whole && results_.sync()) {
    unsafe_.output_length = results_.length();
    unsafe_.output_tail = results_.tail();
    kept = journal_.append(unsafe_).has_value();
  }
  if (!kept) results_.cut(safe_length_);
  has_failed_.store(true);
}

}  // namespace spiderling
