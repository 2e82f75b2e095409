#include "campaign/result_lines.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

namespace spiderling {

Result<std::unique_ptr<ResultLines>> ResultLines::open(const std::string& path) {
  std::error_code none;
  const bool is_empty = std::filesystem::is_regular_file(path, none) && std::filesystem::is_empty(path, none);
  if (is_empty) return std::unique_ptr<ResultLines>(new ResultLines(nullptr));
  if (std::filesystem::is_directory(path, none))
    return error("{} is a directory; name a file of results in it", path);
  auto reader = ByteReader::open(path);
  if (!reader) return tl::unexpected(reader.error());
  return std::unique_ptr<ResultLines>(new ResultLines(std::move(*reader)));
}

bool ResultLines::next(Line& line) {
  LineSplitter::Line got;
  while (true) {
    const auto what = splitter_.next(got);
    if (what == LineSplitter::Got::nothing) {
      if (!read_more()) return false;
      continue;
    }
    line = {got.text, got.number, what == LineSplitter::Got::too_long};
    if (line.too_long || got.text.find_first_not_of(" \t\r") != std::string_view::npos) return true;
  }
}

// False: there is nothing more to split.
bool ResultLines::read_more() {
  if (ended_) return false;
  if (!piece_.chunk || used_ == piece_.chunk->size) {
    used_ = 0;
    piece_ = reader_ ? reader_->next() : Piece{nullptr, false, true, {}};
    if (piece_.ended) {
      ended_ = true;
      damage_ = piece_.damage;
      splitter_.finish();
      return true;
    }
    if (!piece_.chunk) return true;  // a signal came
  }
  const auto room = splitter_.room();
  const std::size_t size = std::min(room.size(), piece_.chunk->size - used_);
  std::memcpy(room.data(), piece_.chunk->bytes.get() + used_, size);
  splitter_.commit(size);
  used_ += size;
  return true;
}

}  // namespace spiderling
