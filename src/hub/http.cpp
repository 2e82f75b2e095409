#include "hub/http.h"

#include "base/boost_asio.h"
#include "websocket/upgrade.h"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>

namespace spiderling {

namespace http = boost::beast::http;

namespace {

constexpr std::uint32_t max_header_bytes = 8 << 10;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

// Sixteen bytes in base64 (RFC 6455 section 4.1).
bool is_websocket_key(std::string_view key) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return key.size() == 24 && key.ends_with("==") &&
         key.substr(0, 22).find_first_not_of(alphabet) == std::string_view::npos;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') return (c | 0x20) - 'a' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      decoded += static_cast<char>(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

std::string token_of(std::string_view authorization, std::string_view query) {
  constexpr std::string_view scheme = "Bearer ";
  if (authorization.size() > scheme.size() &&
      boost::beast::iequals(authorization.substr(0, scheme.size()), scheme)) {
    return std::string(authorization.substr(scheme.size()));
  }
  constexpr std::string_view name = "token=";
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    if (pair.starts_with(name)) return percent_decoded(pair.substr(name.size()));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
  }
  return {};
}

}  // namespace

struct HttpRequestReader::State {
  State() { parser.header_limit(max_header_bytes); }

  http::request_parser<http::empty_body> parser;
  std::string received;
};

HttpRequestReader::HttpRequestReader() : state_(std::make_unique<State>()) {}
HttpRequestReader::~HttpRequestReader() = default;
HttpRequestReader::HttpRequestReader(HttpRequestReader&&) noexcept = default;

Result<bool> HttpRequestReader::feed(std::string_view bytes) {
  auto& [parser, received] = *state_;
  received.append(bytes);
  while (!received.empty() && !parser.is_header_done()) {
    boost::system::error_code problem;
    const std::size_t used = parser.put(boost::asio::buffer(received), problem);
    received.erase(0, used);
    if (problem == http::error::need_more) break;
    if (problem) return error("{}", problem.message());
  }
  return parser.is_header_done();
}

std::string_view HttpRequestReader::rest() const { return state_->received; }

HttpRequest HttpRequestReader::request() const {
  const auto& fields = state_->parser.get();
  HttpRequest request;
  request.method = view(fields.method_string());
  const std::string_view target = view(fields.target());
  const std::size_t question = std::min(target.find('?'), target.size());
  request.path = target.substr(0, question);
  request.token = token_of(view(fields[http::field::authorization]),
                           target.substr(std::min(question + 1, target.size())));
  request.origin = view(fields[http::field::origin]);
  request.wants_upgrade = fields.method() == http::verb::get && fields.version() == 11 &&
                          http::token_list(fields[http::field::upgrade]).exists("websocket") &&
                          http::token_list(fields[http::field::connection]).exists("upgrade");
  const std::string_view key = view(fields[http::field::sec_websocket_key]);
  if (is_websocket_key(key)) request.websocket_key = key;
  request.websocket_version = view(fields[http::field::sec_websocket_version]);
  return request;
}

std::string http_response(unsigned status, std::string_view content_type, std::string_view body,
                          std::string_view more_headers, bool head_only) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\nServer: spiderling\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: "
      "no-store\r\n"
      "X-Content-Type-Options: nosniff\r\n{}Connection: close\r\n\r\n{}",
      status, view(http::obsolete_reason(static_cast<http::status>(status))), content_type, body.size(),
      more_headers, head_only ? std::string_view() : body);
}

std::string upgrade_response(std::string_view key) {
  return fmt::format(
      "HTTP/1.1 101 Switching Protocols\r\nServer: spiderling\r\nUpgrade: websocket\r\nConnection: "
      "Upgrade\r\n"
      "Sec-WebSocket-Accept: {}\r\n\r\n",
      websocket_accept(key));
}

}  // namespace spiderling
