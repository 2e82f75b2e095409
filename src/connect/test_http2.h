// Frames of HTTP/2 for tests, byte by byte (RFC 9113, section 4.1).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace spiderling::testing::h2 {

inline constexpr std::uint8_t data = 0, headers = 1, rst_stream = 3, settings = 4, push_promise = 5, ping = 6,
                              goaway = 7, window_update = 8, continuation = 9;
inline constexpr std::uint8_t end_stream = 1, acknowledged = 1, end_headers = 4;

inline std::string big_endian(std::uint32_t number, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(number >> (8 * i));
  return text;
}

/// `length`: what the frame says of itself, if that is a lie.
inline std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                         std::string_view payload = {}, std::int64_t length = -1) {
  const auto size =
      static_cast<std::uint32_t>(length < 0 ? static_cast<std::int64_t>(payload.size()) : length);
  return big_endian(size, 3) + static_cast<char>(type) + static_cast<char>(flags) + big_endian(stream, 4) +
         std::string(payload);
}

/// ":status: 200", from the static table (RFC 7541, appendix A).
inline constexpr std::string_view status_200 = "\x88";
/// ":status: 404"
inline constexpr std::string_view status_404 = "\x8d";
/// ":status: 103", a literal without indexing whose name is that of entry 8.
inline constexpr std::string_view status_103 =
    "\x08\x03"
    "103";

inline std::string empty_settings() { return frame(settings, 0, 0); }
/// What a good server says to the first request.
inline std::string answer(std::string_view head = status_200) {
  return empty_settings() + frame(settings, acknowledged, 0) + frame(headers, end_headers, 1, head) +
         frame(data, end_stream, 1, "hello");
}

}  // namespace spiderling::testing::h2
