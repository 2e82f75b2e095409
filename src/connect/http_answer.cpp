#include "connect/http_answer.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "base/boost_asio.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace spiderling {

namespace http = boost::beast::http;

namespace {

using ErrorCode = boost::beast::error_code;
using View = boost::beast::string_view;

constexpr std::string_view start_of_answers = "HTTP/1.";
constexpr const char* no_http = "the answer is no HTTP/1";

// RFC 9110, section 6.4.1.
bool is_bodiless(unsigned status) { return status == 204 || status == 304 || status == switching_protocols; }
bool is_interim(unsigned status) { return status / 100 == 1 && status != switching_protocols; }

}  // namespace

// Beast's parser, for heads only, and with nothing kept of them.
class HttpAnswer::Parser final : public http::basic_parser<false> {
 public:
  Parser() {
    body_limit(boost::none);
    header_limit(0xffffffff);  // it counts from the last whole line; we count all
  }
  unsigned status() const { return status_; }
  unsigned minor_version() const { return minor_version_; }

 private:
  void on_response_impl(int code, View, int version, ErrorCode& problem) override {
    if (code < 100) problem = http::error::bad_status;
    status_ = static_cast<unsigned>(code);
    minor_version_ = static_cast<unsigned>(version) % 10;  // Beast's 11 is 1.1
  }
  void on_request_impl(http::verb, View, View, int, ErrorCode&) override {}
  void on_field_impl(http::field, View, View, ErrorCode&) override {}
  void on_header_impl(ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(View body, ErrorCode&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, View, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View body, ErrorCode&) override { return body.size(); }
  void on_finish_impl(ErrorCode&) override {}

  unsigned status_ = 0;
  unsigned minor_version_ = 0;
};

HttpAnswer::HttpAnswer(const HttpLimits& limits) : limits_(limits) {}
HttpAnswer::~HttpAnswer() = default;

HttpAnswer::State HttpAnswer::feed(std::string_view bytes) {
  if (state_ != State::more) return state_;
  if (status_ != 0) {
    take_body(bytes);
  } else if (pending_.empty()) {
    pending_ = bytes.substr(take_heads(bytes));
  } else {
    pending_.append(bytes);
    pending_.erase(0, take_heads(pending_));
  }
  if (state_ == State::more && status_ == 0 && head_bytes_ + pending_.size() > limits_.head_bytes)
    fail("a header without end");
  return state_;
}

// Interim heads, the answer's own, and what of its body came with it. Returns how much is never needed again.
std::size_t HttpAnswer::take_heads(std::string_view bytes) {
  const std::size_t all = bytes.size();
  while (!bytes.empty() && state_ == State::more && status_ == 0) {
    if (!parser_) begin(bytes);
    if (!parser_) break;
    const std::size_t used = parse_head(bytes);
    bytes.remove_prefix(used);
    if (used == 0) break;
  }
  if (status_ == 0) return all - bytes.size();
  if (status_ == switching_protocols) rest_ = bytes;
  if (state_ == State::more) take_body(bytes);
  return all;
}

// The parser would wait for the whole version before it says that it is none.
void HttpAnswer::begin(std::string_view bytes) {
  const std::size_t known = std::min(bytes.size(), start_of_answers.size());
  if (bytes.substr(0, known) == start_of_answers.substr(0, known)) {
    parser_ = std::make_unique<Parser>();
  } else {
    fail(no_http);
  }
}

std::size_t HttpAnswer::parse_head(std::string_view bytes) {
  ErrorCode problem;
  const std::size_t used = parser_->put(boost::asio::const_buffer(bytes.data(), bytes.size()), problem);
  head_bytes_ += used;
  if (head_bytes_ > limits_.head_bytes) {
    fail("a header without end");
  } else if (problem == http::error::bad_version) {
    fail(no_http);
  } else if (problem && problem != http::error::need_more) {
    fail(fmt::format("{}: {}", no_http, problem.message()));
  } else if (parser_->is_header_done()) {
    if (!is_interim(parser_->status())) end_of_head();
    parser_.reset();
  }
  return used;
}

void HttpAnswer::end_of_head() {
  status_ = parser_->status();
  minor_version_ = parser_->minor_version();
  if (parser_->is_done() || is_bodiless(status_)) {
    state_ = State::done;
  } else if (parser_->chunked()) {
    chunks_.emplace();
  } else if (const auto length = parser_->content_length()) {
    body_left_ = *length;
  }
}

// Its end, if it has one, is where nobody need wait for the peer to close.
void HttpAnswer::take_body(std::string_view bytes) {
  body_bytes_ += bytes.size();
  body_left_ -= std::min<std::uint64_t>(body_left_, bytes.size());
  if (body_left_ == 0 || (chunks_ && chunks_->feed(bytes))) {
    state_ = State::done;
  } else if (body_bytes_ >= limits_.body_bytes) {
    stopped_at_limit_ = true;
    state_ = State::done;
  }
}

HttpAnswer::State HttpAnswer::end() {
  if (state_ != State::more) return state_;
  if (status_ != 0) {
    state_ = State::done;
  } else {
    fail(head_bytes_ + pending_.size() == 0 ? "closed without an answer"
                                            : "closed in the middle of the header");
  }
  return state_;
}

void HttpAnswer::fail(std::string problem) {
  problem_ = std::move(problem);
  state_ = State::failed;
}

}  // namespace spiderling
