#include "hub/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spiderling {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view upgrade =
    "GET /?token=a%2Bb HTTP/1.1\r\nHost: localhost:11348\r\nUpgrade: websocket\r\nConnection: keep-alive, "
    "Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: "
    "http://a.example\r\n\r\n";

HttpRequest request_of(std::string_view text) {
  HttpRequestReader reader;
  const auto whole = reader.feed(text);
  EXPECT_TRUE(whole && *whole) << text;
  return reader.request();
}

HttpRequest with(std::string_view header) {
  return request_of(fmt::format("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n\r\n", header));
}

TEST(HttpRequest, Upgrade) {
  const HttpRequest request = request_of(upgrade);
  EXPECT_TRUE(request.wants_upgrade);
  EXPECT_EQ(request.path, "/");
  EXPECT_EQ(request.token, "a+b");
  EXPECT_EQ(request.origin, "http://a.example");
  EXPECT_EQ(request.websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
  EXPECT_EQ(request.websocket_version, "13");
}

TEST(HttpRequest, InAnyPieces) {
  HttpRequestReader reader;
  for (std::size_t i = 0; i + 1 < upgrade.size(); ++i) {
    const auto whole = reader.feed(upgrade.substr(i, 1));
    ASSERT_TRUE(whole) << whole.error().message;
    ASSERT_FALSE(*whole) << i;
  }
  const auto whole = reader.feed("\nfirst frames");
  ASSERT_TRUE(whole && *whole);
  EXPECT_TRUE(reader.request().wants_upgrade);
  EXPECT_EQ(reader.rest(), "first frames");
}

TEST(HttpRequest, Tokens) {
  EXPECT_EQ(with("Authorization: Bearer secret").token, "secret");
  EXPECT_EQ(with("Authorization: bearer secret").token, "secret");
  EXPECT_EQ(with("Authorization: Basic secret").token, "");
  EXPECT_EQ(with("Authorization: Bearer").token, "");
  EXPECT_EQ(request_of("GET /status?a=1&token=x%20y&b HTTP/1.1\r\n\r\n").token, "x y");
  EXPECT_EQ(request_of("GET /status?nottoken=x HTTP/1.1\r\n\r\n").token, "");
  EXPECT_EQ(request_of("GET /?token=%zz%4 HTTP/1.1\r\n\r\n").token, "%zz%4");
}

TEST(HttpRequest, WhatIsNoUpgrade) {
  EXPECT_FALSE(with("Connection: Upgrade").wants_upgrade);
  EXPECT_FALSE(with("Upgrade: websocket").wants_upgrade);
  EXPECT_FALSE(with("Upgrade: h2c\r\nConnection: Upgrade").wants_upgrade);
  EXPECT_TRUE(with("Upgrade: WebSocket\r\nConnection: upgrade").wants_upgrade);
  EXPECT_FALSE(
      request_of("POST / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n").wants_upgrade);
  EXPECT_FALSE(
      request_of("GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n").wants_upgrade);
}

TEST(HttpRequest, KeysThatAreNone) {
  for (const char* key :
       {"", "short", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZ!==", "dGhlIHNhbXBsZSBub25jZQAAAA=="}) {
    EXPECT_EQ(with(fmt::format("Sec-WebSocket-Key: {}", key)).websocket_key, "") << key;
  }
}

TEST(HttpRequest, WhatIsNoHttp) {
  for (const std::string& text : {std::string("hello\r\n\r\n"), std::string("GET / HTTP/2.0\r\n\r\n"),
                                  std::string(100, '\0'), std::string("GET / HTTP/1.1\r\nno colon\r\n\r\n"),
                                  "GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x')}) {
    HttpRequestReader reader;
    EXPECT_FALSE(reader.feed(text).has_value()) << text.substr(0, 30);
  }
}

TEST(HttpResponse, Whole) {
  const std::string response = http_response(404, "text/plain", "nothing\n", "X: y\r\n");
  EXPECT_TRUE(response.starts_with("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nContent-Length: 8\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nX: y\r\n"));
  EXPECT_TRUE(response.ends_with("\r\n\r\nnothing\n"));
  EXPECT_TRUE(http_response(200, "text/plain", "nothing\n", {}, true).ends_with("\r\n\r\n"));
}

// The example of RFC 6455 section 1.3.
TEST(HttpResponse, Upgrade) {
  EXPECT_THAT(upgrade_response("dGhlIHNhbXBsZSBub25jZQ=="),
              HasSubstr("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
}

}  // namespace
}  // namespace spiderling
