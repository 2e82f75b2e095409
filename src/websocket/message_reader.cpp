#include "websocket/message_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

namespace spiderling {

namespace {

bool is_control(Opcode opcode) { return (static_cast<unsigned>(opcode) & 8) != 0; }

bool is_known(unsigned opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

// Codes that may be sent in a close frame (RFC 6455 section 7.4).
bool is_sendable(std::uint16_t code) {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code != 1004 && code != close_code::no_status &&
         code != close_code::abnormal;
}

}  // namespace

bool parse_close(std::string_view payload, std::uint16_t& code, std::string_view& reason) {
  code = close_code::no_status;
  reason = {};
  if (payload.empty()) return true;
  if (payload.size() == 1) return false;
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned>(static_cast<unsigned char>(payload[i]));
  };
  code = static_cast<std::uint16_t>(byte(0) << 8 | byte(1));
  reason = payload.substr(2);
  return is_sendable(code) && simdjson::validate_utf8(reason.data(), reason.size());
}

MessageReader::MessageReader(Options options)
    : options_(options),
      buffer_(std::make_unique_for_overwrite<char[]>(options.buffer_bytes + payload_padding)),
      capacity_(options.buffer_bytes) {}

bool MessageReader::fail(std::uint16_t code, const char* problem) {
  code_ = code;
  problem_ = problem;
  payload_ = {};
  return false;
}

// Moves what is not yet understood to the front of a buffer that has room for more. A larger buffer is made
// only when bytes of a large frame have filled this one, and given back after it.
void MessageReader::make_room(std::size_t at_least) {
  const std::size_t held = filled_ - begin_;
  std::size_t capacity = capacity_;
  if (held + at_least > capacity_) {
    capacity = held + at_least;
  } else if (capacity_ > options_.buffer_bytes && held < options_.buffer_bytes &&
             wanted_ <= options_.buffer_bytes) {
    capacity = options_.buffer_bytes;
  }
  if (capacity != capacity_) {
    auto other = std::make_unique_for_overwrite<char[]>(capacity + payload_padding);
    std::memcpy(other.get(), buffer_.get() + begin_, held);
    buffer_ = std::move(other);
    capacity_ = capacity;
  } else if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, held);
  }
  begin_ = 0;
  filled_ = held;
}

std::span<char> MessageReader::prepare() {
  payload_ = {};
  const bool oversized = capacity_ > options_.buffer_bytes;
  if (begin_ == filled_ && !oversized) {
    begin_ = filled_ = 0;
  } else if (oversized || filled_ == capacity_ || capacity_ - filled_ < capacity_ / 4) {
    make_room(filled_ - begin_ == capacity_ ? capacity_ : 1);
  }
  return {buffer_.get() + filled_, capacity_ - filled_};
}

void MessageReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto room = prepare();
    const std::size_t now = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), now);
    commit(now);
    bytes.remove_prefix(now);
  }
}

MessageReader::Parsed MessageReader::parse_header(Header& header) {
  const std::size_t held = filled_ - begin_;
  const auto* bytes = reinterpret_cast<const unsigned char*>(buffer_.get()) + begin_;
  if (held < 2) return Parsed::incomplete;
  const auto bad = [this](const char* problem) {
    fail(close_code::protocol_error, problem);
    return Parsed::bad;
  };
  header.final = (bytes[0] & 0x80) != 0;
  header.opcode = static_cast<Opcode>(bytes[0] & 0x0f);
  const bool masked = (bytes[1] & 0x80) != 0;
  header.payload = bytes[1] & 0x7f;
  if ((bytes[0] & 0x70) != 0) return bad("a frame with reserved bits");
  if (!is_known(bytes[0] & 0x0fu)) return bad("a frame with an unknown opcode");
  if (masked != options_.masked)
    return bad(masked ? "a masked frame from a server" : "a frame without a mask");
  if (is_control(header.opcode) && (!header.final || header.payload > max_control_payload)) {
    return bad("a control frame that is fragmented or too long");
  }
  const std::size_t length_bytes = header.payload == 126 ? 2 : header.payload == 127 ? 8 : 0;
  header.size = 2 + length_bytes + (masked ? 4 : 0);
  if (held < header.size) return Parsed::incomplete;
  if (length_bytes > 0) header.payload = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) header.payload = header.payload << 8 | bytes[2 + i];
  if (length_bytes == 8 && bytes[2] >= 0x80) return bad("a frame with a length beyond 63 bits");
  if (masked) std::memcpy(header.key.data(), bytes + 2 + length_bytes, 4);
  return Parsed::whole;
}

bool MessageReader::next() {
  if (joined_given_) {
    // A large message was joined: its memory is not kept for small ones.
    if (joined_.capacity() > options_.buffer_bytes) joined_ = std::string();
    joined_.clear();
    joined_given_ = false;
  }
  while (!failed()) {
    Header header;
    wanted_ = 0;
    if (const Parsed parsed = parse_header(header); parsed != Parsed::whole) return false;
    if (!is_control(header.opcode)) {
      const std::uint64_t so_far = header.opcode == Opcode::continuation ? joined_.size() : 0;
      if (header.payload >
          options_.max_message_bytes - std::min<std::uint64_t>(so_far, options_.max_message_bytes)) {
        return fail(close_code::too_big, "a message that is too long");
      }
    }
    wanted_ = header.size + static_cast<std::size_t>(header.payload);
    if (filled_ - begin_ < wanted_) return false;
    char* payload = buffer_.get() + begin_ + header.size;
    const auto size = static_cast<std::size_t>(header.payload);
    if (options_.masked) apply_mask(payload, size, header.key);
    begin_ += wanted_;
    wanted_ = 0;
    const bool whole = is_control(header.opcode) ? accept_control(header, {payload, size})
                                                 : accept_data(header, {payload, size});
    if (whole) return true;
  }
  return false;
}

bool MessageReader::accept_control(const Header& header, std::string_view payload) {
  kind_ = header.opcode == Opcode::ping   ? Kind::ping
          : header.opcode == Opcode::pong ? Kind::pong
                                          : Kind::close;
  payload_ = payload;
  std::uint16_t code = 0;
  std::string_view reason;
  if (kind_ == Kind::close && !parse_close(payload, code, reason)) {
    return fail(close_code::protocol_error, "a malformed close frame");
  }
  return true;
}

// True if this frame completes a message.
bool MessageReader::accept_data(const Header& header, std::string_view payload) {
  if ((header.opcode == Opcode::continuation) != in_fragments_) {
    return fail(close_code::protocol_error,
                in_fragments_ ? "a new message inside a fragmented one" : "a continuation of no message");
  }
  const Kind kind = in_fragments_                   ? fragments_kind_
                    : header.opcode == Opcode::text ? Kind::text
                                                    : Kind::binary;
  if (header.final && !in_fragments_) return finish_message(kind, payload);
  fragments_kind_ = kind;
  joined_.append(payload);
  in_fragments_ = !header.final;
  if (in_fragments_) return false;
  joined_given_ = true;
  const std::size_t size = joined_.size();
  joined_.append(payload_padding, ' ');
  return finish_message(kind, std::string_view(joined_).substr(0, size));
}

bool MessageReader::finish_message(Kind kind, std::string_view payload) {
  if (kind == Kind::text && !simdjson::validate_utf8(payload.data(), payload.size())) {
    return fail(close_code::invalid_data, "a text message that is not UTF-8");
  }
  kind_ = kind;
  payload_ = payload;
  return true;
}

}  // namespace spiderling
