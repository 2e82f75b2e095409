#include "connect/chunked_body.h"

#include <algorithm>
#include <cstddef>

namespace spiderling {
namespace {

// No chunk that we read to its end is nearly as large.
constexpr std::uint64_t largest = std::uint64_t{1} << 56;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') return (c | 0x20) - 'a' + 10;
  return -1;
}

}  // namespace

bool ChunkedBody::feed(std::string_view bytes) {
  while (!bytes.empty() && !ended()) {
    if (expected_ == Expected::data) {
      const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
      left_ -= skipped;
      bytes.remove_prefix(skipped);
      if (left_ == 0) expected_ = Expected::data_end;
    } else {
      take(bytes.front());
      bytes.remove_prefix(1);
    }
  }
  return ended();
}

// Carriage returns are passed over: lines end with the line feed.
void ChunkedBody::take(char byte) {
  switch (expected_) {
    case Expected::size: return take_size(byte);
    case Expected::extension:
      if (byte == '\n') expected_ = left_ == 0 ? Expected::trailer : Expected::data;
      return;
    case Expected::data_end:
      if (byte != '\r') expected_ = byte == '\n' ? Expected::size : Expected::nothing;
      return;
    case Expected::trailer:
      if (byte != '\r') expected_ = byte == '\n' ? Expected::nothing : Expected::trailer_line;
      return;
    case Expected::trailer_line:
      if (byte == '\n') expected_ = Expected::trailer;
      return;
    case Expected::data:
    case Expected::nothing: return;
  }
}

void ChunkedBody::take_size(char byte) {
  if (const int digit = hex_value(byte); digit >= 0 && left_ < largest) {
    left_ = left_ * 16 + static_cast<unsigned>(digit);
  } else if (byte == '\r' || byte == ';' || byte == ' ' || byte == '\t') {
    expected_ = Expected::extension;
  } else {
    expected_ = byte == '\n' ? (left_ == 0 ? Expected::trailer : Expected::data) : Expected::nothing;
  }
}

}  // namespace spiderling
