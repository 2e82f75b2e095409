#include "websocket/upgrade.h"

#include <openssl/evp.h>
#include <sys/random.h>

#include <array>
#include <span>
#include <stdexcept>

#include "base/boost_asio.h"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>

namespace spiderling {

namespace http = boost::beast::http;

namespace {

constexpr std::uint32_t max_response_header = 16 << 10;

std::string base64(std::span<const unsigned char> bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::string random_key() {
  std::array<unsigned char, 16> bytes;
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw std::runtime_error("the system gives no random numbers");
  }
  return base64(bytes);
}

}  // namespace

std::string websocket_accept(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL has no SHA-1");
  }
  return base64({digest.data(), size});
}

struct Upgrade::Parser {
  http::response_parser<http::empty_body> response;
};

Upgrade::Upgrade(const Endpoint& endpoint, const std::string& token)
    : endpoint_(endpoint),
      has_token_(!token.empty()),
      key_(random_key()),
      parser_(std::make_unique<Parser>()) {
  parser_->response.header_limit(max_response_header);
  request_ = fmt::format(
      "GET / HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {}\r\n"
      "Sec-WebSocket-Version: 13\r\nUser-Agent: spiderling\r\n",
      endpoint.authority(), key_);
  if (has_token_) request_ += fmt::format("Authorization: Bearer {}\r\n", token);
  request_ += "\r\n";
}

Upgrade::~Upgrade() = default;

Result<bool> Upgrade::feed(std::string_view bytes) {
  received_.append(bytes);
  auto& response = parser_->response;
  while (!received_.empty() && !response.is_header_done()) {
    boost::system::error_code problem;
    const std::size_t used = response.put(boost::asio::buffer(received_), problem);
    received_.erase(0, used);
    if (problem == http::error::need_more) return false;
    if (problem) {
      return error("what answers at {} is no WebSocket server ({}); a hub with TLS has an address in wss://",
                   endpoint_.uri(), problem.message());
    }
  }
  if (!response.is_header_done()) return false;
  return judge();
}

Result<bool> Upgrade::judge() const {
  const auto& response = parser_->response.get();
  const unsigned status = response.result_int();
  const std::string uri = endpoint_.uri();
  if (status == 401) {
    return has_token_ ? error("{} does not accept this token", uri)
                      : error("{} wants a token: give it with --token-file", uri);
  }
  if (status == 403) return error("{} refuses this client (403 Forbidden)", uri);
  if (status == 503) return error("{} is full or shutting down (503): try again later", uri);
  if (status != 101) {
    return error("{} does not offer WebSocket: it answered {} {}", uri, status,
                 std::string(response.reason()));
  }
  const bool agrees = boost::beast::iequals(response[http::field::upgrade], "websocket") &&
                      http::token_list(response[http::field::connection]).exists("upgrade") &&
                      response[http::field::sec_websocket_accept] == websocket_accept(key_);
  // Neither was asked for, so a server must not choose one (RFC 6455 section 4.1).
  const bool more = response.count(http::field::sec_websocket_extensions) > 0 ||
                    response.count(http::field::sec_websocket_protocol) > 0;
  if (!agrees || more) return error("{} answered with a wrong WebSocket handshake", uri);
  return true;
}

}  // namespace spiderling
