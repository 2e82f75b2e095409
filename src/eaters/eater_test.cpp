#include "spiderling/eater.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "websocket/test_server.h"

namespace spiderling {
namespace {

using spiderling::testing::TestServer;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

std::string dumpling(const std::string& chef, const std::string& kitchen,
                     const std::string& driver = "packet", const std::string& payload = "1") {
  return fmt::format(
      R"({{"metadata":{{"chef":"{}","kitchen":{},"creation_time":1.5,"driver":"{}"}},"payload":{}}})", chef,
      kitchen == "null" ? kitchen : '"' + kitchen + '"', driver, payload);
}

// Notes what it is called with.
class Notes : public Eater {
 public:
  explicit Notes(EaterOptions options) : Eater(std::move(options)) {}

  void on_connect(const std::string& hub_uri) override { text += "connect " + hub_uri.substr(0, 15) + "\n"; }
  void on_dumpling(const EatenDumpling& d) override {
    text += fmt::format("{} {} {} {}\n", d.chef, d.kitchen.value_or("(none)"),
                        d.driver == DumplingDriver::packet ? "packet" : "interval", d.payload);
  }
  void on_connection_lost(const std::string& why, std::chrono::milliseconds next_try) override {
    text += fmt::format("lost {}{}\n", why, next_try.count() > 0 ? ", trying again" : "");
  }
  void on_invalid(const std::string&) override { text += "invalid\n"; }

  std::string text;
};

EaterOptions options_for(const TestServer& server) {
  EaterOptions options;
  options.name = "test";
  options.hub = fmt::format("127.0.0.1:{}", server.port());
  options.reconnect = false;
  return options;
}

// Runs an eater against a server that accepts, reads the hello, sends these messages, and reads the close
// code.
struct Served {
  std::string hello;
  std::uint16_t close_code = 0;
};
Served serve(TestServer& server, const std::vector<std::string>& messages) {
  Served served;
  auto peer = server.accept();
  peer->upgrade();
  served.hello = peer->read_text();
  for (const auto& message : messages) peer->send(Opcode::text, message);
  served.close_code = peer->read_close();
  peer->send(Opcode::close, close_payload(served.close_code, ""));
  return served;
}

TEST(Eater, EatsACountAndIsFull) {
  TestServer server;
  Notes eater(options_for(server));
  Served served;
  std::thread hub([&] {
    served = serve(server, {dumpling("A", "k"), "nonsense",
                            dumpling("B", "null", "interval", R"({"x": [1]})"), dumpling("too", "many")});
  });
  const auto result = eater.run(2);
  hub.join();
  EXPECT_EQ(served.hello, R"({"eater_name":"test"})");
  EXPECT_EQ(served.close_code, close_code::eater_is_full);
  EXPECT_EQ(result.eaten, 2u);
  EXPECT_EQ(result.invalid, 1u);
  EXPECT_EQ(result.problem, "");
  EXPECT_EQ(eater.text, "connect ws://127.0.0.1:\nA k packet 1\ninvalid\nB (none) interval {\"x\": [1]}\n");
}

TEST(Eater, FiltersEvenIfTheHubDoesNot) {
  TestServer server;
  auto options = options_for(server);
  options.chefs = {"A", "B\""};
  options.kitchens = {"k"};
  options.interval_dumplings = false;
  Notes eater(options);
  Served served;
  std::thread hub([&] {
    served = serve(server, {dumpling("A", "other"), dumpling("C", "k"), dumpling("A", "null"),
                            dumpling("A", "k", "interval"), dumpling("A", "k", "packet", "\"yes\"")});
  });
  EXPECT_EQ(eater.run(1).eaten, 1u);
  hub.join();
  EXPECT_EQ(served.hello,
            R"({"eater_name":"test","chefs":["A","B\""],"kitchens":["k"],"drivers":["packet"]})");
  EXPECT_THAT(eater.text, HasSubstr("\nA k packet \"yes\"\n"));
}

TEST(Eater, StopsFromAHandler) {
  class Stopper : public Notes {
   public:
    using Notes::Notes;
    void on_dumpling(const EatenDumpling& d) override {
      Notes::on_dumpling(d);
      stop();
    }
  };
  TestServer server;
  Stopper eater(options_for(server));
  Served served;
  std::thread hub([&] { served = serve(server, {dumpling("A", "k")}); });
  EXPECT_EQ(eater.run().problem, "");
  hub.join();
  EXPECT_EQ(served.close_code, close_code::connection_cancelled);
  EXPECT_EQ(eater.run().eaten, 0u) << "stopped for good";
}

TEST(Eater, StopsFromAnotherThreadWhileNothingComes) {
  TestServer server;
  Notes eater(options_for(server));
  std::thread hub([&] {
    auto peer = server.accept();
    peer->upgrade();
    peer->read_text();
    eater.stop();
    EXPECT_EQ(peer->read_close(), close_code::connection_cancelled);
  });
  EXPECT_EQ(eater.run().problem, "");
  hub.join();
}

TEST(Eater, ComesBackAfterALoss) {
  TestServer server;
  auto options = options_for(server);
  options.reconnect = true;
  Notes eater(options);
  std::thread hub([&] {
    auto peer = server.accept();
    peer->upgrade();
    peer->read_text();
    peer->send(Opcode::close, close_payload(1001, "restart"));
    peer.reset();
    serve(server, {dumpling("A", "k")});
  });
  EXPECT_EQ(eater.run(1).eaten, 1u);
  hub.join();
  EXPECT_THAT(eater.text, HasSubstr("lost closed with code 1001: restart, trying again\nconnect"));
}

TEST(Eater, ALossIsAProblemIfItMayNotComeBack) {
  TestServer server;
  Notes eater(options_for(server));
  std::thread hub([&] {
    auto peer = server.accept();
    peer->upgrade();
  });
  EXPECT_THAT(eater.run().problem, HasSubstr("lost the connection to ws://127.0.0.1"));
  hub.join();
}

TEST(Eater, ProblemsBeforeThereIsAConnection) {
  Notes no_port({.hub = "localhost:0"});
  EXPECT_THAT(no_port.run().problem, HasSubstr("no port"));
  Notes nobody({.hub = "127.0.0.1:1"});
  EXPECT_THAT(nobody.run().problem, HasSubstr("nothing listens at ws://127.0.0.1:1"));
  Notes bad_token({.token = "a\r\nb"});  // found before anything is sent
  EXPECT_THAT(bad_token.run().problem, HasSubstr("token"));
}

TEST(Eater, WhatAHandlerThrowsIsThrownOn) {
  class Thrower : public Eater {
   public:
    using Eater::Eater;
    void on_dumpling(const EatenDumpling&) override { throw std::runtime_error("mine"); }
  };
  TestServer server;
  Thrower eater(options_for(server));
  std::thread hub([&] { serve(server, {dumpling("A", "k"), dumpling("A", "k")}); });
  EXPECT_THROW(eater.run(), std::runtime_error);
  hub.join();
}

TEST(EatenDumpling, PayloadAsAValue) {
  EatenDumpling d;
  d.payload =
      R"({"a":[1,2.5,"x"],"big":123456789012345678901234567890,"half":"\ud800x","pair":"\ud83d\ude00"})";
  const Payload value = d.parse_payload();
  EXPECT_EQ(value.at("a").at(1).as_double(), 2.5);
  EXPECT_TRUE(value.at("big").is_double());
  EXPECT_EQ(value.at("half").as_string(), "\xef\xbf\xbdx");
  EXPECT_EQ(value.at("pair").as_string(), "\xf0\x9f\x98\x80");
  const std::string deep = std::string(250, '[') + std::string(250, ']');
  d.payload = deep;
  EXPECT_TRUE(d.parse_payload().is_array());
}

}  // namespace
}  // namespace spiderling
