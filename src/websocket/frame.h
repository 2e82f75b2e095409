// WebSocket frames (RFC 6455 section 5) as bytes: no I/O, no clock.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace spiderling {

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Close codes (RFC 6455 section 7.4.1), and netdumplings' own.
namespace close_code {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t unsupported_data = 1003;
inline constexpr std::uint16_t no_status = 1005;  ///< never sent: the peer's close frame had no code
inline constexpr std::uint16_t abnormal = 1006;   ///< never sent: the connection ended without a close frame
inline constexpr std::uint16_t invalid_data = 1007;
inline constexpr std::uint16_t policy_violation = 1008;
inline constexpr std::uint16_t too_big = 1009;
inline constexpr std::uint16_t internal_error = 1011;
inline constexpr std::uint16_t try_again_later = 1013;
inline constexpr std::uint16_t connection_cancelled = 4101;
inline constexpr std::uint16_t eater_is_full = 4102;
}  // namespace close_code

/// Bytes that a frame adds to its payload at most.
inline constexpr std::size_t max_frame_header = 14;
/// What a control frame carries at most (RFC 6455 section 5.5).
inline constexpr std::size_t max_control_payload = 125;

using MaskKey = std::array<std::uint8_t, 4>;

/// Appends one whole frame. What a client sends must be masked (RFC 6455 section 5.3), what a server sends
/// must not be.
void append_frame(std::string& out, Opcode opcode, std::string_view payload);
void append_masked_frame(std::string& out, Opcode opcode, std::string_view payload, MaskKey key);

/// Puts a mask on, or takes it off.
void apply_mask(char* bytes, std::size_t size, MaskKey key);

/// The payload of a close frame: code, reason (cut to what a control frame holds, never inside a character).
std::string close_payload(std::uint16_t code, std::string_view reason);

/// Bytes a frame of this payload size takes.
std::size_t frame_size(std::size_t payload, bool masked);

/// Fresh mask keys from the system's random numbers, fetched a block at a time. One thread at a time.
class MaskKeys {
 public:
  MaskKey next();

 private:
  std::array<std::uint8_t, 4096> block_;
  std::size_t used_ = 4096;
};

}  // namespace spiderling
