// Where a command's results go.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace spiderling::app {

/// Lines are gathered up to so many bytes before they are written.
inline constexpr std::size_t write_at_once = 64 << 10;

/// Standard output or a file, written whole blocks at a time. One thread.
class Output {
 public:
  /// "-" or empty: standard output. Else the file is made, or emptied if it is there.
  static Result<Output> open(const std::string& path);
  Output(Output&& other) noexcept;
  Output& operator=(Output&&) = delete;
  ~Output();

  enum class Status { ok, closed_by_reader, failed };
  /// After anything but ok nothing more is written.
  Status write(std::string_view bytes);
  Status status() const { return status_; }
  /// Why it failed: "results.ndjson: No space left on device".
  const std::string& reason() const { return reason_; }
  bool is_terminal() const;

 private:
  Output(int fd, bool owned, std::string name) : fd_(fd), owned_(owned), name_(std::move(name)) {}
  int fd_;
  bool owned_;
  std::string name_;
  std::string reason_;
  Status status_ = Status::ok;
};

}  // namespace spiderling::app
