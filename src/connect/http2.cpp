#include "connect/http2.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace spiderling {

namespace asio = boost::asio;

namespace {

constexpr std::string_view start_of_http1 = "HTTP/1.";

enum class Spoken : std::uint8_t { unknown, http1, http2 };

// From its first bytes. A frame cannot begin so: it would be one of over 4 MB.
Spoken language_of(std::string_view first) {
  const std::size_t known = std::min(first.size(), start_of_http1.size());
  if (first.substr(0, known) != start_of_http1.substr(0, known)) return Spoken::http2;
  return known == start_of_http1.size() ? Spoken::http1 : Spoken::unknown;
}

std::optional<Outcome> end_of_reading(const Http2Answer& answer, const Transfer& step) {
  if (answer.state() == Http2Answer::State::done) return Outcome{};
  if (answer.state() == Http2Answer::State::failed) return Outcome::failed(answer.problem());
  if (step.is_over()) return step.why_over();
  return std::nullopt;
}

// `first`: what the peer has said already. One coroutine that waits, for whatever is to be waited for.
asio::awaitable<HttpGet> converse(Stream& stream, Http2Answer& answer, std::string first, Deadline deadline) {
  HttpGet got;
  std::string output;
  if (!first.empty()) answer.feed(first);
  std::string().swap(first);
  for (;;) {
    output += answer.take_output();
    Transfer step;
    if (!output.empty()) {
      step = stream.write_some(output);
      output.erase(0, step.bytes);
    }
    if (auto end = end_of_reading(answer, step)) {
      got.outcome = std::move(*end);
      break;
    }
    if (output.empty()) {
      const std::span<char> room = scratch();
      step = stream.read_some(room);
      if (step.kind == Transfer::Kind::done) answer.feed({room.data(), step.bytes});
      if (step.kind == Transfer::Kind::end) answer.end();
      if (step.kind == Transfer::Kind::done || step.kind == Transfer::Kind::end) continue;
      if (auto end = end_of_reading(answer, step)) {
        got.outcome = std::move(*end);
        break;
      }
    }
    if (step.kind == Transfer::Kind::done) continue;
    got.outcome = co_await stream.wait(step.kind, deadline);
    if (!got.outcome.ok()) break;
  }
  got.status = answer.status();
  // It has sent something that cannot be mistaken for anything else.
  if (got.status != 0) got.version = "2";
  if (got.outcome.state == ConnectionState::timeout && got.status != 0) got.outcome = {};
  got.endless = got.outcome.ok() && (answer.stopped_at_limit() || answer.state() == Http2Answer::State::more);
  co_return got;
}

}  // namespace

asio::awaitable<HttpGet> http2_get(Stream& stream, Http2Request request, const HttpLimits& limits,
                                   Deadline deadline) {
  Http2Answer answer(limits);
  answer.ask(request);
  HttpGet got;
  got.outcome = co_await send_all(stream, answer.take_output(), deadline);
  if (!got.outcome.ok()) co_return got;
  std::string first;
  while (language_of(first) == Spoken::unknown) {
    Received received = co_await receive_some(stream, scratch().size(), deadline);
    if (received.outcome.ok() && received.bytes.empty())
      received.outcome =
          Outcome::failed(first.empty() ? "closed without an answer" : "closed before the answer");
    if (!received.outcome.ok()) {
      got.outcome = std::move(received.outcome);
      co_return got;
    }
    first += received.bytes;
  }
  if (language_of(first) == Spoken::http1) {
    got = co_await http_get(stream, {}, limits, deadline, std::move(first));
  } else {
    got = co_await converse(stream, answer, std::move(first), deadline);
  }
  co_return got;
}

asio::awaitable<HttpGet> http_upgrade_get(Stream& stream, std::string request, const HttpLimits& limits,
                                          Deadline deadline) {
  HttpGet got = co_await http_get(stream, std::move(request), limits, deadline);
  if (!got.outcome.ok() || got.status != switching_protocols) co_return got;
  Http2Answer answer(limits);
  answer.ask_by_upgrade();
  got = co_await converse(stream, answer, std::move(got.rest), deadline);
  co_return got;
}

}  // namespace spiderling
