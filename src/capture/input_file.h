// A file, pipe or terminal as a run of bytes.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"
#include "capture/file_descriptor.h"

namespace spiderling {

/// Reads from front to back. One thread reads; done(), total() and cancel() may be called from any.
class InputFile {
 public:
  enum class State : std::uint8_t { data, waiting, ended, cancelled, failed };
  struct Got {
    State state = State::ended;
    std::size_t size = 0;  ///< bytes, with State::data
    int error = 0;         ///< errno, with State::failed
  };

  /// What is wanted of whoever names a file; stands in messages.
  struct Wanted {
    const char* what = "a trace";          ///< "give it ..."
    const char* named = "a capture file";  ///< "... is a directory; name ... in it"
    bool from_terminal = false;            ///< a person may type it
  };
  /// `path` "-" is standard input. Fails with a line for a person: missing, a directory, not readable.
  static Result<std::unique_ptr<InputFile>> open(const std::string& path, const Wanted& wanted);
  static Result<std::unique_ptr<InputFile>> open(const std::string& path) { return open(path, Wanted{}); }

  /// At least one byte, or why not. Waits as long as `wait` for a pipe (negative: until something comes), a
  /// regular file does not wait.
  Got read(std::span<std::uint8_t> room, std::chrono::milliseconds wait);

  /// Ends a regular file at its present size, though it may grow: several readers of one file then see the
  /// same.
  void end_at_present_size() { limit_ = total(); }

  /// True if it is on a disk: reading does not wait for a sender.
  bool is_regular() const { return regular_; }
  /// Bytes read so far.
  std::uint64_t done() const { return done_.load(std::memory_order_relaxed); }
  /// Size of a regular file, as last seen; 0 if unknown.
  std::uint64_t total() const { return total_.load(std::memory_order_relaxed); }
  /// Ends a read() that waits, and all later ones.
  void cancel();

 private:
  InputFile(FileDescriptor file, FileDescriptor wake, bool regular, std::uint64_t total)
      : file_(std::move(file)), wake_(std::move(wake)), regular_(regular), total_(total) {}

  FileDescriptor file_;
  FileDescriptor wake_;  // eventfd
  bool regular_;
  std::atomic<bool> cancelled_ = false;
  std::atomic<std::uint64_t> done_ = 0;
  std::atomic<std::uint64_t> total_;
  std::uint64_t limit_ = UINT64_MAX;
};

}  // namespace spiderling
