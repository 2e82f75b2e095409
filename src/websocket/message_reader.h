// Turns received bytes into messages (RFC 6455 section 5).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "websocket/frame.h"

namespace spiderling {

/// Whole messages out of a stream of bytes: fragments joined, masks taken off, text checked to be UTF-8.
/// Holds no more than one message of the permitted size and one buffer; memory grows only as bytes really
/// come. One thread.
///
///     MessageReader reader({.masked = false});
///     const auto room = reader.prepare();            // read() into it
///     reader.commit(bytes_read);
///     while (reader.next()) use(reader.kind(), reader.payload());   // views: valid until the next prepare()
///     if (reader.failed()) close(reader.close_code(), reader.problem());
class MessageReader {
 public:
  struct Options {
    bool masked = false;  ///< what comes must be masked: the server's side
    std::size_t max_message_bytes = 16 << 20;
    std::size_t buffer_bytes = 64 << 10;  ///< held all the time
  };
  enum class Kind : std::uint8_t { text, binary, ping, pong, close };

  explicit MessageReader(Options options);

  /// Room for at least one more byte, usually much more. Payloads given out before are gone.
  std::span<char> prepare();
  void commit(std::size_t bytes) { filled_ += bytes; }
  /// Copies bytes in: for what came along with the HTTP response.
  void feed(std::string_view bytes);

  /// True when there is one more message, or control frame. False: more bytes are needed, or failed().
  bool next();
  /// Readable bytes behind every payload(), whatever they hold: simdjson may look at them.
  static constexpr std::size_t payload_padding = 64;
  Kind kind() const { return kind_; }
  std::string_view payload() const { return payload_; }

  /// After a violation nothing more is read: close with this code and this text.
  bool failed() const { return problem_ != nullptr; }
  std::uint16_t close_code() const { return code_; }
  std::string_view problem() const { return problem_ == nullptr ? std::string_view() : problem_; }

 private:
  struct Header {
    std::size_t size = 0;  ///< of the header itself
    std::uint64_t payload = 0;
    MaskKey key{};
    Opcode opcode{};
    bool final = false;
  };
  enum class Parsed { whole, incomplete, bad };
  Parsed parse_header(Header& header);
  bool accept_control(const Header& header, std::string_view payload);
  bool accept_data(const Header& header, std::string_view payload);
  bool finish_message(Kind kind, std::string_view payload);
  bool fail(std::uint16_t code, const char* problem);
  void make_room(std::size_t at_least);

  Options options_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_;
  std::size_t begin_ = 0;   // first byte not yet understood
  std::size_t filled_ = 0;  // end of what was received
  std::size_t wanted_ = 0;  // size of the frame that is on its way, as far as known
  std::string joined_;      // fragments of a message so far
  bool in_fragments_ = false;
  bool joined_given_ = false;
  Kind fragments_kind_ = Kind::text;
  Kind kind_ = Kind::text;
  std::string_view payload_;
  const char* problem_ = nullptr;
  std::uint16_t code_ = 0;
};

/// The code and reason of a close frame's payload; no_status if it is empty. False: a malformed one (RFC
/// 6455, 5.5.1).
bool parse_close(std::string_view payload, std::uint16_t& code, std::string_view& reason);

}  // namespace spiderling
