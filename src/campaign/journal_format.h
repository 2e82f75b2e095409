// The bytes of a run's journal, and what they say. No file, no clock.
//
//     "spiderling run journal 1\n"
//     record: length of the rest (4), CRC-32 of kind and body (4), kind (1), body
//       'r' the run: what is measured, how, into which file
//       'p' progress: the results file's length, a CRC of its last bytes, digests of jobs read since the
//           last progress, lines finished since
//       'e' the end: all jobs of the list are finished
//
// Numbers of fixed length have their lowest byte first; others are seven bits a byte, the lowest first, the
// highest bit set where more follow.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "campaign/line_set.h"

namespace spiderling {

/// What must be the same when a run goes on.
struct RunIdentity {
  std::string measurement;
  std::string version;                                         ///< of the measurement
  std::vector<std::pair<std::string, std::string>> options{};  ///< that change its jobs or results

  friend bool operator==(const RunIdentity&, const RunIdentity&) = default;
};

/// What is safe in the results file, and what of the job list that answers.
struct RunProgress {
  std::uint64_t output_length = 0;
  std::uint32_t output_tail = 0;         ///< CRC-32 of its last bytes
  std::vector<std::uint16_t> digests{};  ///< of jobs, in the order of the list
  std::vector<std::uint64_t> lines{};    ///< finished; any order
};

/// All that a journal says.
struct JournalState {
  RunIdentity run;
  std::uint64_t output_length = 0;
  std::uint32_t output_tail = 0;
  std::vector<std::uint16_t> digests;
  LineSet finished;
  bool ended = false;
  std::uint64_t valid_length = 0;  ///< what comes behind was not written whole
};

std::string journal_beginning(const RunIdentity& run);
/// Sorts `progress.lines`.
std::string journal_record(RunProgress& progress);
std::string journal_end();
/// Any record, as it stands in the file.
std::string journal_record(char kind, std::string_view body);

/// Reads as far as records are whole. Error: it is the journal of no run: something else, or one of which not
/// even the beginning was written whole (see is_unbegun_journal()).
Result<JournalState> read_journal(std::span<const std::uint8_t> bytes);
/// It was to become a journal, and nothing was done for it yet: may be written anew.
bool is_unbegun_journal(std::span<const std::uint8_t> bytes);

/// How `now` differs from `then`, for a person; empty if it does not.
std::string difference(const RunIdentity& then, const RunIdentity& now);

}  // namespace spiderling
