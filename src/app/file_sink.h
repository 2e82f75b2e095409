// Dumplings on standard output or in a file.
#pragma once

#include "app/output.h"
#include "kitchen/dumpling_sink.h"

namespace spiderling::app {

/// `output` outlives it.
class FileSink final : public DumplingSink {
 public:
  explicit FileSink(Output& output) : output_(output) {}

  bool put(std::string_view lines, std::size_t count) override {
    if (output_.write(lines) != Output::Status::ok) return false;
    written_ += count;
    return true;
  }
  /// Whole blocks: when writing failed, part of the last one may be there too.
  std::uint64_t written() const { return written_; }

 private:
  Output& output_;
  std::uint64_t written_ = 0;
};

}  // namespace spiderling::app
