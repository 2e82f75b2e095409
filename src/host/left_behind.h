// Journals of others: what processes that ended without tidying up have left, and undoing it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "host/journal.h"
#include "host/undo.h"

namespace spiderling {

/// What a journal says.
struct JournalContents {
  NetworkPlace place;
  std::vector<Undo> undos;  ///< those not undone yet, in the order in which they were added
};

/// Reads a journal of any process. Errors: not a plain file of ours alone, longer than any that we write, a
/// line that we would not write. A last line without its end is no line: its change was never made.
Result<JournalContents> read_journal(const std::filesystem::path& path);

/// Undoes what a dead process has left and removes its journal. Waits for others who are at the same.
Result<UndoReport> finish_journal(Host& host, const std::filesystem::path& path);

/// What was found of processes that ended without tidying up, and could not be.
struct LeftBehind {
  std::vector<std::string> lines;  ///< one for each journal that had something to undo or could not be read
};

/// Undoes what dead processes have left in this network namespace. Every command that changes the host calls
/// it first. Errors: the directory is not ours alone.
Result<LeftBehind> restore_left_behind(Host& host,
                                       const std::filesystem::path& directory = Journal::usual_directory());

}  // namespace spiderling
