// What a web server answers, bounded. No I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "connect/chunked_body.h"

namespace spiderling {

/// The last interim status that is an answer of its own (RFC 9110 section 15.2.2).
inline constexpr unsigned switching_protocols = 101;

struct HttpLimits {
  std::size_t head_bytes = 64 << 10;  ///< of all heads together, interim answers' too
  std::size_t body_bytes = 64 << 10;  ///< framing included; no more is read
};

/// Takes an answer to a GET apart as it comes in (RFC 9112), and keeps nothing of it but its status. Interim
/// answers (1xx, but 101) are passed over. It has been understood when its head is whole; a body that is
/// endless, cut off or wrong in itself changes nothing about that.
class HttpAnswer {
 public:
  enum class State : std::uint8_t {
    more,    ///< feed it more
    done,    ///< the answer has ended, or enough of it was read
    failed,  ///< no answer of HTTP/1, or a head without end: problem() says which
  };

  explicit HttpAnswer(const HttpLimits& limits = {});
  ~HttpAnswer();
  HttpAnswer(const HttpAnswer&) = delete;
  HttpAnswer& operator=(const HttpAnswer&) = delete;

  /// Only while there is more.
  State feed(std::string_view bytes);
  /// The peer sends no more.
  State end();

  State state() const { return state_; }
  /// 100 to 999; 0 as long as the head is not whole.
  unsigned status() const { return status_; }
  /// 0 or 1, of HTTP/1, once there is a status.
  unsigned minor_version() const { return minor_version_; }
  /// After 101 (Switching Protocols): what came behind the head, which is no HTTP/1 any more.
  std::string take_rest() { return std::move(rest_); }
  /// Done, and the body goes on.
  bool stopped_at_limit() const { return stopped_at_limit_; }
  const std::string& problem() const { return problem_; }

 private:
  class Parser;

  std::size_t take_heads(std::string_view bytes);
  void begin(std::string_view bytes);
  std::size_t parse_head(std::string_view bytes);
  void end_of_head();
  void take_body(std::string_view bytes);
  void fail(std::string problem);

  const HttpLimits limits_;
  std::unique_ptr<Parser> parser_;
  std::string pending_;  // of a head that is not whole yet
  std::string rest_;     // behind a head with 101
  std::string problem_;
  std::size_t head_bytes_ = 0;
  std::size_t body_bytes_ = 0;
  std::optional<ChunkedBody> chunks_;
  std::uint64_t body_left_ = std::numeric_limits<std::uint64_t>::max();
  unsigned status_ = 0;
  unsigned minor_version_ = 0;
  State state_ = State::more;
  bool stopped_at_limit_ = false;
};

}  // namespace spiderling
