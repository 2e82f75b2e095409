// The file in which a run says what of its job list is done.
#pragma once

#include <string>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "campaign/journal_format.h"

namespace spiderling {

/// What is written is safe from a power cut when the call has returned. Whatever fails leaves the file as it
/// was. One thread at a time.
class RunJournal {
 public:
  enum class Begun : std::uint8_t {
    nothing,     ///< begin() makes it a journal
    unfinished,  ///< state() says how far
    finished,    ///< all of it is done
  };

  /// Opens the file, or makes it, and keeps other processes from using it. What was not written whole is cut
  /// off. Errors: it is another file, or another process has it.
  static Result<RunJournal> open(const std::string& path);

  Begun begun() const { return begun_; }
  const JournalState& state() const { return state_; }
  JournalState take_state() { return std::move(state_); }
  const std::string& path() const { return path_; }
  int descriptor() const { return file_.get(); }

  /// Makes it the journal of a new run.
  Result<void> begin(const RunIdentity& run);
  Result<void> append(RunProgress& progress);
  Result<void> end();

 private:
  RunJournal(std::string path, FileDescriptor file) : path_(std::move(path)), file_(std::move(file)) {}
  Result<void> read();
  Result<void> write(std::string_view record);
  Result<void> sync_folder() const;

  std::string path_;
  FileDescriptor file_;
  Begun begun_ = Begun::nothing;
  JournalState state_;
  std::uint64_t length_ = 0;
};

}  // namespace spiderling
