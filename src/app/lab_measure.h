// `spiderling measure` as a process of its own, in the lab that the caller has joined.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file_descriptor.h"

namespace spiderling::app {

/// Copies all that is in a file (of memory) to a descriptor, as far as that takes it.
void show(int file, int to);

/// Cuts a stream of bytes into lines. What is beyond the longest line that a result can be is left out.
class LineCutter {
 public:
  using TakeLine = std::function<void(std::string_view line)>;
  explicit LineCutter(TakeLine take_line) : take_line_(std::move(take_line)) {}

  /// Reads what is there. False at the end of the stream, or when it cannot be read.
  bool read_from(int stream);
  /// The last line may lack its end.
  void finish();

 private:
  void take(std::string_view bytes);
  void keep(std::string_view part);

  TakeLine take_line_;
  std::string line_;
};

/// Jobs go in, lines come out, both as fast as it likes. One thread.
class LabMeasure {
 public:
  /// Appends the next job's line; false if there is none left.
  using NextJob = std::function<bool(std::string& out)>;

  LabMeasure(NextJob next_job, LineCutter::TakeLine take_line);

  /// What it says on standard error is shown only if it fails.
  void be_quiet() { quiet_ = true; }
  /// Until it ends: its exit status. An error if it cannot be started.
  Result<int> run(std::vector<std::string> words);

 private:
  void exchange();
  void write_jobs();

  NextJob next_job_;
  LineCutter lines_;
  std::string pending_;
  FileDescriptor to_, from_;
  bool quiet_ = false;
};

}  // namespace spiderling::app
