#include "campaign/campaign.h"

#include <cstring>
#include <utility>

namespace spiderling {

namespace {

std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
  return hash ^ hash >> 29;
}
std::uint64_t mixed(std::uint64_t hash, std::string_view text) {
  hash = mixed(hash, text.size());
  while (!text.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = std::min(text.size(), sizeof word);
    std::memcpy(&word, text.data(), size);
    hash = mixed(hash, word);
    text.remove_prefix(size);
  }
  return hash;
}

std::uint64_t mixed(std::uint64_t hash, const Job& job) {
  hash = mixed(hash, job.line);
  hash = mixed(hash,
               std::string_view(reinterpret_cast<const char*>(job.dip.bytes.data()), job.dip.bytes.size()));
  hash = mixed(hash, job.dp ? std::uint64_t{*job.dp} + 1 : 0);
  hash = mixed(hash, job.domain);
  return mixed(hash, job.members);
}

// Somebody who goes on without a journal may have mistyped its name: results of days are not to be emptied.
Result<void> check_fresh(const CampaignOptions& options, const ResultFile& results) {
  if (!options.resume || results.length() == 0) return {};
  return error(
      "there is nothing to go on with in the journal {}, but {} is not empty: is it the right "
      "journal? (without --resume, the run is a new one)",
      options.journal, results.name());
}

Result<void> check_unfinished(const CampaignOptions& options, const RunJournal& journal) {
  const std::string other = difference(journal.state().run, options.run);
  if (!other.empty())
    return error("the journal {} is that of another run: {}; use the same options, or another journal",
                 options.journal, other);
  if (options.resume || journal.begun() == RunJournal::Begun::finished) return {};
  return error(
      "the run of the journal {} was not finished: go on with --resume, or remove the journal to "
      "start over (which empties the results)",
      options.journal);
}

}  // namespace

Result<std::unique_ptr<Campaign>> Campaign::open(CampaignOptions options) {
  auto journal = RunJournal::open(options.journal);
  if (!journal) return tl::unexpected(journal.error());
  const bool is_new = journal->begun() == RunJournal::Begun::nothing;
  if (!is_new) {
    if (auto right = check_unfinished(options, *journal); !right) return tl::unexpected(right.error());
  }
  auto results = ResultFile::open(options.output);
  if (!results) return tl::unexpected(results.error());
  if (results->is_same_as(journal->descriptor()))
    return error("{} cannot be the journal and the results", options.journal);
  if (is_new) {
    if (auto fresh = check_fresh(options, *results); !fresh) return tl::unexpected(fresh.error());
  }
  return std::unique_ptr<Campaign>(
      new Campaign(std::move(options), std::move(*journal), std::move(*results)));
}

Campaign::Campaign(CampaignOptions options, RunJournal journal, ResultFile results)
    : options_(std::move(options)), journal_(std::move(journal)), results_(std::move(results)) {
  finished_ = journal_->begun() == RunJournal::Begun::finished;
  goes_on_ = journal_->begun() == RunJournal::Begun::unfinished;
}

Campaign::~Campaign() = default;

Result<void> Campaign::begin() {
  if (goes_on_) {
    JournalState state = journal_->take_state();
    if (auto ready = results_->go_on(state.output_length, state.output_tail); !ready) return ready;
    done_ = std::move(state.finished);
    known_ = std::move(state.digests);
    return {};
  }
  if (auto begun = journal_->begin(options_.run); !begun) return begun;
  if (auto begun = results_->begin(); !begun) return begun;
  if (results_->length() == 0) return {};
  RunProgress there{results_->length(), results_->tail()};  // is not ours, and is not to be taken back
  return journal_->append(there);
}

void Campaign::start() { ledger_ = std::make_unique<Ledger>(std::move(*results_), std::move(*journal_)); }

// A digest holds all jobs before, too: a list that differs once differs from there on.
std::string Campaign::check(const Job& job) {
  chain_ = mixed(chain_, job);
  const auto digest = static_cast<std::uint16_t>(chain_ >> 48);
  if (read_++ >= known_.size()) {
    digests_.push_back(digest);
  } else if (known_[read_ - 1] != digest) {
    return fmt::format(
        "line {} of the job list is not what it was when this run was begun: {} is the journal "
        "of another list",
        job.line, options_.journal);
  }
  return {};
}

std::string Campaign::check_end() const {
  if (read_ >= known_.size()) return {};
  return fmt::format(
      "the job list has ended after {} jobs, and had {} at least when this run was begun: it "
      "is another list, or was cut",
      read_, known_.size());
}

bool Campaign::write(std::string_view results) {
  if (ledger_->has_failed()) return false;
  ledger_->put({std::string(results), std::exchange(lines_, {}), std::exchange(digests_, {})});
  return true;
}

Result<void> Campaign::close(bool all_done) {
  if (!lines_.empty() || !digests_.empty()) write({});
  return ledger_->close(all_done);
}

}  // namespace spiderling
