// Where a chunked body ends. No I/O.
#pragma once

#include <cstdint>
#include <string_view>

namespace spiderling {

/// Follows the chunks of a body (RFC 9112, section 7.1) to its end, and keeps nothing. Ours, since Beast 1.81
/// asserts on trailers that come in pieces.
class ChunkedBody {
 public:
  /// True once the body has ended, or is not chunked as it should be; what follows is nobody's.
  bool feed(std::string_view bytes);
  bool ended() const { return expected_ == Expected::nothing; }

 private:
  enum class Expected : std::uint8_t {
    size,          // hexadecimal digits
    extension,     // to the end of the line
    data,          // `left_` bytes
    data_end,      // an empty line
    trailer,       // the start of a line
    trailer_line,  // the rest of it
    nothing,
  };

  void take(char byte);
  void take_size(char byte);

  std::uint64_t left_ = 0;  // of this chunk
  Expected expected_ = Expected::size;
};

}  // namespace spiderling
