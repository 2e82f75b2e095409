#include "jobs/line_splitter.h"

#include <algorithm>
#include <cstring>

namespace spiderling {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::string_view without_ends(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
  return line;
}

}  // namespace

// A line of the limit and one byte more, by which a longer one is known, always fit in front of what is read.
LineSplitter::LineSplitter(std::size_t max_line_bytes, std::size_t read_bytes)
    : max_line_bytes_(max_line_bytes),
      read_bytes_(read_bytes),
      buffer_(std::make_unique_for_overwrite<char[]>(max_line_bytes + read_bytes + padding)) {}

std::span<std::uint8_t> LineSplitter::room() {
  // Part of a line at most, and moved once: in front it stays where it is until its end has come.
  if (from_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + from_, to_ - from_);
    to_ -= from_;
    scanned_ -= from_;
    from_ = 0;
  }
  return {reinterpret_cast<std::uint8_t*>(buffer_.get() + to_), read_bytes_};
}

void LineSplitter::commit(std::size_t size) {
  to_ += size;
  bytes_in_ += size;
  std::memset(buffer_.get() + to_, 0, padding);
}

LineSplitter::Got LineSplitter::next(Line& line) {
  if (skipping_ && !skip_to_end_of_line()) return Got::nothing;
  const char* end = static_cast<const char*>(std::memchr(buffer_.get() + scanned_, '\n', to_ - scanned_));
  const bool has_end = end != nullptr;
  if (!has_end) {
    end = buffer_.get() + to_;
    scanned_ = to_;
  }
  const auto length = static_cast<std::size_t>(end - buffer_.get()) - from_;
  if (length > max_line_bytes_) {
    skipping_ = !has_end;
    from_ += has_end ? length + 1 : length;
    scanned_ = from_;
    return too_long(line);
  }
  if (!has_end && (!finished_ || length == 0)) return Got::nothing;
  line = {without_ends({buffer_.get() + from_, length}), ++number_};
  from_ = has_end ? from_ + length + 1 : to_;
  scanned_ = from_;
  return Got::line;
}

LineSplitter::Got LineSplitter::too_long(Line& line) {
  line = {{}, ++number_};
  return Got::too_long;
}

// False if its end has not come yet.
bool LineSplitter::skip_to_end_of_line() {
  const auto* end = static_cast<const char*>(std::memchr(buffer_.get() + from_, '\n', to_ - from_));
  from_ = end == nullptr ? to_ : static_cast<std::size_t>(end - buffer_.get()) + 1;
  scanned_ = from_;
  skipping_ = end == nullptr;
  return !skipping_;
}

}  // namespace spiderling
