// A run of bytes as lines, in memory of a fixed size.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace spiderling {

/// Bytes in, lines out: without their ends (LF, CR LF), without a byte order mark in front, numbered from 1.
/// A line that is longer than the limit is said to be so once, and skipped to its end, however far that is.
/// The last line needs no end. No I/O.
///
///     splitter.commit(read_some(splitter.room()));
///     while ((got = splitter.next(line)) != LineSplitter::Got::nothing) use(line);
class LineSplitter {
 public:
  /// Readable bytes behind every line, of no meaning: for readers that look at many bytes at once.
  static constexpr std::size_t padding = 64;

  explicit LineSplitter(std::size_t max_line_bytes = 1u << 20, std::size_t read_bytes = 256u << 10);

  /// Where the next bytes go: at least one; lines that were given end to be valid. After nothing, only.
  std::span<std::uint8_t> room();
  void commit(std::size_t size);
  /// No more bytes will come.
  void finish() { finished_ = true; }

  enum class Got : std::uint8_t { line, too_long, nothing };
  struct Line {
    std::string_view text;  ///< empty if too_long
    std::uint64_t number = 0;
  };
  Got next(Line& line);

  /// Of all bytes so far, those that lines given were made of.
  std::uint64_t bytes_given() const { return bytes_in_ - (to_ - from_); }

 private:
  bool skip_to_end_of_line();
  Got too_long(Line& line);

  const std::size_t max_line_bytes_;
  const std::size_t read_bytes_;
  std::unique_ptr<char[]> buffer_;
  // Bytes not yet given: [from_, to_) of buffer_; those before scanned_ hold no end of line.
  std::size_t from_ = 0;
  std::size_t scanned_ = 0;
  std::size_t to_ = 0;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t number_ = 0;
  bool skipping_ = false;  // the rest of a line that was too long
  bool finished_ = false;
};

}  // namespace spiderling
