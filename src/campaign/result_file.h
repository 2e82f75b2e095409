// The file that the results of a run with a journal are in: it only grows, and what it holds is known.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/file_descriptor.h"

namespace spiderling {

/// One thread at a time.
class ResultFile {
 public:
  /// `path` "-" or empty: standard output, which must be a file then: what went into a pipe cannot be taken
  /// back. The file is made if it is not there and else left as it is, also what another process appends to
  /// it is not looked for.
  static Result<ResultFile> open(const std::string& path);

  const std::string& name() const { return name_; }
  bool is_same_as(int file) const;
  std::uint64_t length() const { return length_; }
  /// CRC-32 of the last bytes of it.
  std::uint32_t tail() const;

  /// Empties it; what standard output is appended to (>> of the shell) stays.
  Result<void> begin();
  /// Cuts it to what a journal says. Error: it is shorter, or holds something else.
  Result<void> go_on(std::uint64_t length, std::uint32_t tail);

  /// After an error nothing of `bytes` is in it.
  Result<void> write(std::string_view bytes);
  /// What was written is safe from a power cut.
  Result<void> sync();
  /// Takes back all behind `length`.
  void cut(std::uint64_t length);

 private:
  ResultFile(std::string name, bool is_standard, FileDescriptor file, std::uint64_t length)
      : name_(std::move(name)), is_standard_(is_standard), file_(std::move(file)), length_(length) {}
  Result<std::string> bytes_before(std::uint64_t end) const;

  std::string name_;
  bool is_standard_;
  FileDescriptor file_;
  std::uint64_t length_;
  std::string last_bytes_;  // of it, a few KiB
};

}  // namespace spiderling
