// A run that survives: what of its list is done is known after whatever end, and the rest is done by the next
// run.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "campaign/ledger.h"
#include "spiderling/job.h"

namespace spiderling {

struct CampaignOptions {
  std::string journal;
  bool resume = false;
  std::string output;  ///< "-" or empty: standard output
  RunIdentity run;
};

/// Thread-safety: one thread.
///
///     auto campaign = Campaign::open({.journal = "run.journal", .resume = true, ...});
///     if ((*campaign)->is_finished()) return;      // nothing left to do
///     ... open the job list, with (*campaign)->check() for each of its jobs ...
///     (*campaign)->begin();                        // from here on files are changed
///     (*campaign)->start();
///     ... skip jobs with is_done(); for each that is finished: finished(job.line), write(its result) ...
///     (*campaign)->close(true);
class Campaign {
 public:
  /// Nothing is changed yet but a journal that was not written whole. Errors: this is not the run that the
  /// journal is about; there is an unfinished run and nobody asked to go on with it; no file for the results.
  static Result<std::unique_ptr<Campaign>> open(CampaignOptions options);
  Campaign(const Campaign&) = delete;
  Campaign& operator=(const Campaign&) = delete;
  ~Campaign();

  /// All of the list was done by an earlier run.
  bool is_finished() const { return finished_; }
  /// Jobs that earlier runs have finished.
  std::uint64_t done_before() const { return done_.size(); }

  /// Makes journal and results ready: empty, or cut to what the journal says.
  Result<void> begin();
  /// Results may be written: a thread of its own begins.
  void start();
  /// They cannot be any more; close() says why.
  bool has_failed() const { return ledger_->has_failed(); }

  /// Each job of the list, in its order. Empty, or why this is not the list that the journal is about.
  std::string check(const Job& job);
  /// After the last one.
  std::string check_end() const;
  bool is_done(const Job& job) const { return done_.contains(job.line); }

  /// What is written next holds all results of this job.
  void finished(const Job& job) { lines_.push_back(job.line); }
  /// False: nothing can be written any more.
  bool write(std::string_view results);
  /// No more jobs should be begun for now.
  bool is_behind() const { return ledger_->behind(); }

  /// Waits until all is safe. `all_done`: nothing of the list is left.
  Result<void> close(bool all_done);

 private:
  Campaign(CampaignOptions options, RunJournal journal, ResultFile results);

  const CampaignOptions options_;
  std::optional<RunJournal> journal_;  // until the ledger has them
  std::optional<ResultFile> results_;
  std::unique_ptr<Ledger> ledger_;
  bool goes_on_ = false;
  bool finished_ = false;

  LineSet done_;
  std::vector<std::uint16_t> known_;  // digests of the list, as far as earlier runs have read it
  std::uint64_t chain_ = 0;           // of all jobs so far
  std::size_t read_ = 0;

  // Not with the ledger yet.
  std::vector<std::uint64_t> lines_;
  std::vector<std::uint16_t> digests_;
};

}  // namespace spiderling
