// Which lines of a job list are done.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace spiderling {

/// A set of line numbers, in little memory however they come: an eighth of a byte a line, and nothing for
/// stretches that are whole. One thread.
class LineSet {
 public:
  /// Lines beyond are refused: a damaged journal is not to take all memory.
  static constexpr std::uint64_t last_line = std::uint64_t{1} << 34;

  /// False: it is in the set already, is 0 or beyond last_line.
  bool add(std::uint64_t line);
  bool contains(std::uint64_t line) const;
  std::uint64_t size() const { return size_; }

 private:
  static constexpr std::size_t page_lines = 32768;
  struct Page {
    std::uint32_t count = 0;
    std::unique_ptr<std::array<std::uint64_t, page_lines / 64>> bits;  // none: empty, or whole
  };

  // By (line - 1) / page_lines; the list is read from its front, so few are empty.
  std::vector<Page> pages_;
  std::uint64_t size_ = 0;
};

}  // namespace spiderling
