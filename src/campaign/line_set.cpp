#include "campaign/line_set.h"

namespace spiderling {

bool LineSet::add(std::uint64_t line) {
  if (line == 0 || line > last_line) return false;
  const std::size_t number = (line - 1) / page_lines;
  if (number >= pages_.size()) pages_.resize(number + 1);
  Page& page = pages_[number];
  if (page.count == page_lines) return false;
  if (!page.bits) page.bits = std::make_unique<std::array<std::uint64_t, page_lines / 64>>();
  const std::size_t at = (line - 1) % page_lines;
  std::uint64_t& word = (*page.bits)[at / 64];
  const std::uint64_t bit = std::uint64_t{1} << at % 64;
  if ((word & bit) != 0) return false;
  word |= bit;
  ++size_;
  if (++page.count == page_lines) page.bits.reset();
  return true;
}

bool LineSet::contains(std::uint64_t line) const {
  if (line == 0) return false;
  const std::uint64_t number = (line - 1) / page_lines;
  if (number >= pages_.size()) return false;
  const Page& page = pages_[number];
  if (page.count == page_lines) return true;
  const std::size_t at = (line - 1) % page_lines;
  return page.bits && ((*page.bits)[at / 64] >> at % 64 & 1) != 0;
}

}  // namespace spiderling
