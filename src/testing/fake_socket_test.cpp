#include "testing/fake_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

namespace spiderling::testing {
namespace {

// A connection that stands, and its socket.
class FakeSocketTest : public ::testing::Test {
 protected:
  void connect(FakeTarget told = {}) {
    target = std::move(told);
    exchange.emplace(target, flow, setup, cookie);
    ASSERT_TRUE(exchange->open({}).ok());
    socket.emplace(loop.get_executor(), target, *exchange);
  }
  void say(std::string_view words) {
    ASSERT_EQ(::send(socket->ours(), words.data(), words.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(words.size()));
  }
  // What the target has answered once it has heard all; "": nothing, and "(end)": nor will it.
  std::string hear() {
    loop.restart();
    loop.poll();
    std::array<char, 9000> room;
    const ssize_t size = ::recv(socket->ours(), room.data(), room.size(), MSG_DONTWAIT);
    if (size == 0) return "(end)";
    return size < 0 ? "" : std::string(room.data(), static_cast<std::size_t>(size));
  }

  FakeTarget target;
  const ExpectedFlow flow{*IpAddress::parse("192.0.2.1"), *IpAddress::parse("198.18.0.1"), 20'000, 80, 6};
  const SocketSetup setup;
  bool cookie = false;
  asio::io_context loop{1};
  std::optional<FakeExchange> exchange;
  std::optional<FakeSocket> socket;
};

TEST_F(FakeSocketTest, WhatIsSaidIsSaidBack) {
  connect();
  const std::size_t before = exchange->packets().size();
  say("hello");
  EXPECT_EQ(hear(), "hello");
  EXPECT_EQ(exchange->packets().size(), before + 3);  // the words, the answer, its acknowledgement
}

TEST_F(FakeSocketTest, ARequestOfHttpIsAnsweredOnceItIsWhole) {
  FakeTarget teapot;
  teapot.http_status = 418;
  connect(teapot);
  say("GET / HTTP/1.1\r\n");
  EXPECT_EQ(hear(), "");
  say("Host: x\r\n\r\n");
  EXPECT_TRUE(hear().starts_with("HTTP/1.1 418 "));
}

TEST_F(FakeSocketTest, AQuestionOfDnsIsAnswered) {
  connect();
  const std::string question("\0\x11\x12\x34\1\0\0\1\0\0\0\0\0\0\0\0\1\0\1", 19);
  say(question);
  std::string answer = question;
  answer[4] = static_cast<char>(0x81);
  EXPECT_EQ(hear(), answer);
}

TEST_F(FakeSocketTest, ItSaysWhatItIsToldToSay) {
  FakeTarget told;
  told.says = [](std::string_view said) { return said.starts_with("GET") ? std::string("no") : ""; };
  connect(told);
  say("GET / HTTP/1.1\r\n");
  EXPECT_EQ(hear(), "no");
  say("else");
  EXPECT_EQ(hear(), "");
}

TEST_F(FakeSocketTest, NobodyWaitsForWhatWasLost) {
  connect(drops([](const Packet& packet) { return packet.payload_length() == 5; }));
  say("hello");
  EXPECT_EQ(hear(), "(end)");
}

TEST_F(FakeSocketTest, MuchGoesInManySegments) {
  connect();
  const std::size_t before = exchange->packets().size();
  say(std::string(3000, 'x'));
  EXPECT_EQ(hear(), std::string(3000, 'x'));
  EXPECT_EQ(exchange->packets().size(), before + 3 * 3);
}

TEST_F(FakeSocketTest, WhatWasSaidLastIsHeardAtTheEnd) {
  connect();
  const std::size_t before = exchange->packets().size();
  say("bye");
  socket->finish();  // the loop had no time to listen
  EXPECT_EQ(exchange->packets().size(), before + 3);
  EXPECT_EQ(hear(), "(end)");
}

TEST_F(FakeSocketTest, TheOtherSideMayGoFirst) {
  connect();
  say("hello");
  ::shutdown(socket->ours(), SHUT_WR);
  EXPECT_EQ(hear(), "hello");
  EXPECT_EQ(hear(), "(end)");
}

}  // namespace
}  // namespace spiderling::testing
