// The lines of a file of results, packed or not.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "capture/byte_reader.h"
#include "jobs/line_splitter.h"

namespace spiderling {

/// Reads a file from front to back, unpacked whatever it was packed with. One thread.
///
///     auto lines = ResultLines::open("results.ndjson.zst");
///     while ((*lines)->next(line)) use(line.text);
class ResultLines {
 public:
  static constexpr std::size_t longest_line = 16u << 20;

  /// Error: it cannot be read. An empty file has no lines.
  static Result<std::unique_ptr<ResultLines>> open(const std::string& path);

  struct Line {
    std::string_view text;     ///< valid until the next call
    std::uint64_t number = 0;  ///< from 1
    bool too_long = false;     ///< then without text
  };
  /// False: the end. Blank lines are left out.
  bool next(Line& line);
  /// Why the file ends before its end; empty: it does not. Once next() gave false.
  const std::string& damage() const { return damage_; }

 private:
  explicit ResultLines(std::unique_ptr<ByteReader> reader)
      : reader_(std::move(reader)), splitter_(longest_line) {}
  bool read_more();

  const std::unique_ptr<ByteReader> reader_;  // nullptr: an empty file
  LineSplitter splitter_;
  Piece piece_;
  std::size_t used_ = 0;  // of the piece
  bool ended_ = false;
  std::string damage_;
};

}  // namespace spiderling
