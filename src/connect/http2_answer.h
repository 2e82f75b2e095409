// One GET in HTTP/2 and its answer, bounded. No I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "connect/http_answer.h"

struct nghttp2_session;

namespace spiderling {

/// What is asked for in HTTP/2.
struct Http2Request {
  std::string authority;  ///< the host, with its port if that is not the scheme's
  bool tls = false;
  std::string user_agent;
};

/// The client's side of one connection (RFC 9113) by nghttp2: begins it, asks once, and takes the answer
/// apart as it comes in, of which it keeps nothing but its status. The answer has been understood when the
/// peer's SETTINGS and the head with the final status have come; what comes of the body changes nothing about
/// that.
///
/// Nothing that a peer sends makes it grow: header tables of 4096 bytes, frames of 16 KiB, a window of 32 KiB
/// that is never opened again, answers to PING and SETTINGS counted, and no more read than the limits say.
///
///     Http2Answer answer(limits);
///     answer.ask({"www.example.org", true, "spiderling"});
///     send(answer.take_output());
///     while (answer.feed(receive()) == Http2Answer::State::more) send(answer.take_output());
class Http2Answer {
 public:
  using State = HttpAnswer::State;

  explicit Http2Answer(const HttpLimits& limits = {});
  ~Http2Answer();
  Http2Answer(const Http2Answer&) = delete;
  Http2Answer& operator=(const Http2Answer&) = delete;

  /// The value of `HTTP2-Settings` in a request for an upgrade (RFC 7540, section 3.2.1).
  static std::string upgrade_settings();

  /// Begins the connection and asks. Once; or else:
  void ask(const Http2Request& request);
  /// Begins the connection after "101 Switching Protocols" to a GET that had upgrade_settings(): it is
  /// answered on stream 1.
  void ask_by_upgrade();

  /// Only while there is more.
  State feed(std::string_view bytes);
  /// The peer sends no more.
  State end();
  /// What is to be sent since it was taken last.
  std::string take_output() { return std::move(output_); }

  State state() const { return state_; }
  /// 200 to 999; 0 as long as the final head has not come whole.
  unsigned status() const { return status_; }
  /// Done, and the body goes on.
  bool stopped_at_limit() const { return stopped_at_limit_; }
  const std::string& problem() const { return problem_; }

 private:
  struct Callbacks;
  struct Free {
    void operator()(nghttp2_session* session) const;
  };

  void submit_settings();
  bool collect_output();
  void conclude();
  void fail(std::string problem);

  const HttpLimits limits_;
  std::unique_ptr<nghttp2_session, Free> session_;
  std::string output_;
  std::string problem_;
  std::int32_t stream_ = -1;
  std::size_t taken_bytes_ = 0;
  std::size_t header_bytes_ = 0;
  std::size_t body_bytes_ = 0;
  unsigned status_to_come_ = 0;  // of a head that is not whole yet
  unsigned status_ = 0;
  int lib_error_ = 0;
  std::uint32_t close_code_ = 0;
  bool stream_closed_ = false;
  bool answer_ended_ = false;
  State state_ = State::more;
  bool stopped_at_limit_ = false;
};

}  // namespace spiderling
