#include "connect/http.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace spiderling {

namespace asio = boost::asio;

namespace {

constexpr std::size_t longest_name = 253;  // RFC 1035, section 2.3.4, as text

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.';
}

bool is_header_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// Reads and understands what is there.
Transfer read_answer_some(Stream& stream, HttpAnswer& answer) {
  const std::span<char> room = scratch();
  Transfer step = stream.read_some(room);
  if (step.kind == Transfer::Kind::done) answer.feed({room.data(), step.bytes});
  if (step.kind == Transfer::Kind::end) answer.end();
  return step;
}

// How reading ended; nothing yet if there is more to wait for, or to read.
std::optional<Outcome> end_of_reading(const HttpAnswer& answer, const Transfer& step) {
  if (answer.state() == HttpAnswer::State::done) return Outcome{};
  if (answer.state() == HttpAnswer::State::failed) return Outcome::failed(answer.problem());
  if (step.is_over()) return step.why_over();
  return std::nullopt;
}

}  // namespace

Result<std::string> user_agent(std::string_view version, std::string_view contact) {
  if (!is_header_text(version) || !is_header_text(contact) ||
      contact.find_first_of("()\\") != std::string_view::npos)
    return error(
        "a contact in requests has printable ASCII characters only, and neither brackets nor backslashes");
  if (contact.empty()) return fmt::format("spiderling/{}", version);
  return fmt::format("spiderling/{} ({})", version, contact);
}

Result<std::string> host_of(const Job& job) {
  const std::string_view domain = job.domain;
  if (domain.empty()) {
    const std::string text = job.dip.to_string();
    return job.dip.version == IpVersion::v6 ? "[" + text + "]" : text;
  }
  if (domain.size() > longest_name || !std::all_of(domain.begin(), domain.end(), is_name_character))
    return error("the job's domain is no host name");
  return std::string(domain);
}

std::string authority_of(std::string_view host, std::uint16_t port, ConnectMode mode) {
  return port == default_port(mode) ? std::string(host) : fmt::format("{}:{}", host, port);
}

std::string http_request(std::string_view host, std::uint16_t port, ConnectMode mode,
                         const HttpOptions& options) {
  return fmt::format(
      "GET / HTTP/1.1\r\nHost: {}\r\nUser-Agent: {}\r\nAccept: */*\r\nConnection: close\r\n\r\n",
      authority_of(host, port, mode), options.user_agent);
}

std::string http_upgrade_request(std::string_view host, std::uint16_t port, const HttpOptions& options,
                                 std::string_view settings) {
  return fmt::format(
      "GET / HTTP/1.1\r\nHost: {}\r\nUser-Agent: {}\r\nAccept: */*\r\nConnection: Upgrade, HTTP2-Settings\r\n"
      "Upgrade: h2c\r\nHTTP2-Settings: {}\r\n\r\n",
      authority_of(host, port, ConnectMode::http), options.user_agent, settings);
}

// One coroutine, not several: what waits in it is what a run's memory goes for.
asio::awaitable<HttpGet> http_get(Stream& stream, std::string request, const HttpLimits& limits,
                                  Deadline deadline, std::string begun) {
  HttpGet got;
  got.outcome = co_await send_all(stream, request, deadline);
  if (!got.outcome.ok()) co_return got;
  std::string().swap(request);  // an assignment would keep its memory
  HttpAnswer answer(limits);
  if (!begun.empty()) answer.feed(begun);
  std::string().swap(begun);
  for (;;) {
    const Transfer step =
        answer.state() == HttpAnswer::State::more ? read_answer_some(stream, answer) : Transfer{};
    if (auto end = end_of_reading(answer, step)) {
      got.outcome = std::move(*end);
      break;
    }
    if (step.kind == Transfer::Kind::done) continue;
    got.outcome = co_await stream.wait(step.kind, deadline);
    if (!got.outcome.ok()) break;
  }
  got.status = answer.status();
  if (got.status != 0) got.version = answer.minor_version() == 0 ? "1.0" : "1.1";
  got.rest = answer.take_rest();
  // The rest of a body that never comes: the answer was understood.
  if (got.outcome.state == ConnectionState::timeout && got.status != 0) got.outcome = {};
  got.endless = got.outcome.ok() && (answer.stopped_at_limit() || answer.state() == HttpAnswer::State::more);
  co_return got;
}

}  // namespace spiderling
