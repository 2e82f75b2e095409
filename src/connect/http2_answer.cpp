#include "connect/http2_answer.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include <fmt/format.h>

namespace spiderling {

namespace {

constexpr std::uint32_t window = 32 << 10;
constexpr std::uint32_t largest_header_list = 64 << 10;
constexpr std::size_t header_overhead = 32;  // RFC 9113, section 6.5.2
constexpr std::size_t most_acknowledgements = 1000;
constexpr std::size_t most_settings = 32;

const std::array<nghttp2_settings_entry, 4> our_settings{{
    {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
    {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1},
    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window},
    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, largest_header_list},
}};

// RFC 4648, section 5, without padding.
std::string base64url(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  std::uint32_t pending = 0;
  int bits = 0;
  for (const char byte : bytes) {
    pending = pending << 8 | static_cast<unsigned char>(byte);
    for (bits += 8; bits >= 6; bits -= 6) text += digits[pending >> (bits - 6) & 63];
  }
  if (bits > 0) text += digits[pending << (6 - bits) & 63];
  return text;
}

std::string settings_payload() {
  std::array<std::uint8_t, our_settings.size() * 6> room{};
  const auto size =
      nghttp2_pack_settings_payload(room.data(), room.size(), our_settings.data(), our_settings.size());
  return {reinterpret_cast<const char*>(room.data()), static_cast<std::size_t>(size)};
}

nghttp2_nv header(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

unsigned status_of(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 3 || !std::ranges::all_of(text, is_digit)) return 0;
  return static_cast<unsigned>((text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0'));
}

}  // namespace

// --- what nghttp2 calls

struct Http2Answer::Callbacks {
  static Http2Answer& self(void* user) { return *static_cast<Http2Answer*>(user); }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                       void* user) {
    Http2Answer& answer = self(user);
    answer.header_bytes_ += name_size + value_size + header_overhead;
    if (answer.header_bytes_ > answer.limits_.head_bytes) {
      answer.fail("a header without end");
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    const std::string_view text(reinterpret_cast<const char*>(name), name_size);
    if (frame->hd.stream_id == answer.stream_ && text == ":status")
      answer.status_to_come_ = status_of({reinterpret_cast<const char*>(value), value_size});
    return 0;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Http2Answer& answer = self(user);
    if (frame->hd.stream_id != answer.stream_) return 0;
    if (frame->hd.type == NGHTTP2_DATA) answer.body_bytes_ += frame->hd.length;
    if (frame->hd.type == NGHTTP2_HEADERS && answer.status_ == 0 && answer.status_to_come_ >= 200)
      answer.status_ = answer.status_to_come_;
    const bool can_end = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (can_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) answer.answer_ended_ = true;
    return 0;
  }

  static int on_stream_close(nghttp2_session*, std::int32_t stream, std::uint32_t code, void* user) {
    Http2Answer& answer = self(user);
    if (stream != answer.stream_) return 0;
    answer.stream_closed_ = true;
    answer.close_code_ = code;
    return 0;
  }

  static int on_invalid_frame(nghttp2_session*, const nghttp2_frame*, int problem, void* user) {
    self(user).lib_error_ = problem;
    return 0;
  }

  // The text may quote the peer: only the number is taken.
  static int on_error(nghttp2_session*, int problem, const char*, std::size_t, void* user) {
    self(user).lib_error_ = problem;
    return 0;
  }

  static nghttp2_session_callbacks* all() {
    static nghttp2_session_callbacks* const made = [] {
      nghttp2_session_callbacks* fresh = nullptr;
      if (nghttp2_session_callbacks_new(&fresh) != 0) throw std::bad_alloc();
      nghttp2_session_callbacks_set_on_header_callback(fresh, &on_header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(fresh, &on_frame);
      nghttp2_session_callbacks_set_on_stream_close_callback(fresh, &on_stream_close);
      nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(fresh, &on_invalid_frame);
      nghttp2_session_callbacks_set_error_callback2(fresh, &on_error);
      return fresh;
    }();
    return made;
  }

  static nghttp2_option* options() {
    static nghttp2_option* const made = [] {
      nghttp2_option* fresh = nullptr;
      if (nghttp2_option_new(&fresh) != 0) throw std::bad_alloc();
      nghttp2_option_set_no_auto_window_update(fresh, 1);
      nghttp2_option_set_no_closed_streams(fresh, 1);
      nghttp2_option_set_max_reserved_remote_streams(fresh, 0);
      nghttp2_option_set_max_outbound_ack(fresh, most_acknowledgements);
      nghttp2_option_set_max_settings(fresh, most_settings);
      return fresh;
    }();
    return made;
  }
};

// --- asking

void Http2Answer::Free::operator()(nghttp2_session* session) const { nghttp2_session_del(session); }

Http2Answer::Http2Answer(const HttpLimits& limits) : limits_(limits) {
  nghttp2_session* session = nullptr;
  if (nghttp2_session_client_new2(&session, Callbacks::all(), this, Callbacks::options()) != 0)
    throw std::bad_alloc();
  session_.reset(session);
}

Http2Answer::~Http2Answer() = default;

std::string Http2Answer::upgrade_settings() {
  static const std::string text = base64url(settings_payload());
  return text;
}

void Http2Answer::ask(const Http2Request& request) {
  submit_settings();
  const std::array headers{header(":method", "GET"),
                           header(":scheme", request.tls ? "https" : "http"),
                           header(":authority", request.authority),
                           header(":path", "/"),
                           header("user-agent", request.user_agent),
                           header("accept", "*/*")};
  stream_ = nghttp2_submit_request(session_.get(), nullptr, headers.data(), headers.size(), nullptr, nullptr);
  if (stream_ < 0) return fail("HTTP/2: the request cannot be made");
  collect_output();
}

void Http2Answer::ask_by_upgrade() {
  const std::string payload = settings_payload();
  stream_ = 1;
  const int problem = nghttp2_session_upgrade2(
      session_.get(), reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size(), 0, nullptr);
  if (problem != 0) return fail("HTTP/2: the upgrade cannot be made");
  collect_output();  // the settings, which nghttp2 sends of itself
}

void Http2Answer::submit_settings() {
  nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, our_settings.data(), our_settings.size());
}

bool Http2Answer::collect_output() {
  for (;;) {
    const std::uint8_t* bytes = nullptr;
    const auto size = nghttp2_session_mem_send(session_.get(), &bytes);
    if (size < 0) lib_error_ = static_cast<int>(size);
    if (size <= 0) return size == 0;
    output_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }
}

// --- being answered

HttpAnswer::State Http2Answer::feed(std::string_view bytes) {
  if (state_ != State::more) return state_;
  taken_bytes_ += bytes.size();
  const auto used = nghttp2_session_mem_recv(
      session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (state_ == State::failed) return state_;  // a header without end
  if (used < 0) lib_error_ = static_cast<int>(used);
  const bool goes_on = used >= 0 && collect_output() && nghttp2_session_want_read(session_.get()) != 0;
  conclude();
  if (state_ == State::more && !goes_on)
    fail(fmt::format("no HTTP/2: {}", nghttp2_strerror(lib_error_ != 0 ? lib_error_ : NGHTTP2_ERR_PROTO)));
  return state_;
}

void Http2Answer::conclude() {
  const std::size_t most_body = std::min<std::size_t>(limits_.body_bytes, window);
  const bool too_much = taken_bytes_ > limits_.head_bytes + limits_.body_bytes;
  if (status_ != 0) {
    stopped_at_limit_ = !answer_ended_ && !stream_closed_ && (body_bytes_ >= most_body || too_much);
    if (answer_ended_ || stream_closed_ || stopped_at_limit_) state_ = State::done;
  } else if (stream_closed_) {
    fail(fmt::format("the peer gave up the stream: {}", nghttp2_http2_strerror(close_code_)));
  } else if (too_much) {
    fail("frames without end, and no answer among them");
  }
  if (state_ != State::done) return;
  nghttp2_session_terminate_session(session_.get(), NGHTTP2_NO_ERROR);
  collect_output();  // GOAWAY
}

HttpAnswer::State Http2Answer::end() {
  if (state_ != State::more) return state_;
  if (status_ != 0) {
    state_ = State::done;
  } else {
    fail(taken_bytes_ == 0 ? "closed without an answer" : "closed before the answer");
  }
  return state_;
}

void Http2Answer::fail(std::string problem) {
  problem_ = std::move(problem);
  state_ = State::failed;
}

}  // namespace spiderling
