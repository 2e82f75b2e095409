#include "websocket/endpoint.h"

#include <gtest/gtest.h>

namespace spiderling {
namespace {

TEST(Endpoint, HostAndPort) {
  EXPECT_EQ(parse_endpoint("localhost:11347", 1).value(), (Endpoint{"localhost", 11347, false}));
  EXPECT_EQ(parse_endpoint("hub.example.org", 11348).value(), (Endpoint{"hub.example.org", 11348, false}));
  EXPECT_EQ(parse_endpoint("192.0.2.1:80", 1).value(), (Endpoint{"192.0.2.1", 80, false}));
}

TEST(Endpoint, Schemes) {
  EXPECT_EQ(parse_endpoint("ws://hub:1234", 1).value(), (Endpoint{"hub", 1234, false}));
  EXPECT_EQ(parse_endpoint("wss://hub", 11347).value(), (Endpoint{"hub", 11347, true}));
  EXPECT_EQ(parse_endpoint("wss://hub:443/", 1).value(), (Endpoint{"hub", 443, true}));
}

TEST(Endpoint, Ipv6) {
  EXPECT_EQ(parse_endpoint("[::1]:11347", 1).value(), (Endpoint{"::1", 11347, false}));
  EXPECT_EQ(parse_endpoint("ws://[2001:db8::1]", 5).value(), (Endpoint{"2001:db8::1", 5, false}));
  EXPECT_EQ(parse_endpoint("::1", 5).value(), (Endpoint{"::1", 5, false}));
  EXPECT_EQ((Endpoint{"::1", 5, true}).uri(), "wss://[::1]:5");
}

TEST(Endpoint, WrongOnesAreRefusedInOneLine) {
  for (const char* text : {"", ":1", "hub:", "hub:0", "hub:65536", "hub:x", "http://hub:1", "[::1", "[::1]1",
                           "a b:1", "hub\r\nX: 1", "ws://", "hub/path:1"}) {
    const auto endpoint = parse_endpoint(text, 1);
    ASSERT_FALSE(endpoint) << text;
    EXPECT_FALSE(endpoint.error().message.empty());
  }
}

}  // namespace
}  // namespace spiderling
