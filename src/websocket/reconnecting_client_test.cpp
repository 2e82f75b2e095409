#include "websocket/reconnecting_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "websocket/test_server.h"

namespace spiderling {
namespace {

using namespace std::chrono_literals;
using spiderling::testing::TestServer;
using ::testing::HasSubstr;
using ::testing::Not;

// Collects what happens on the client's thread, for the test's thread to wait for.
class Events {
 public:
  void add(std::string event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    changed_.notify_all();
  }
  /// True once an event that begins so has come.
  bool wait_for(std::string_view start) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] { return !find(start).empty(); });
  }
  std::string get(std::string_view start) {
    wait_for(start);
    const std::lock_guard lock(mutex_);
    return find(start);
  }

  ReconnectHandlers handlers() {
    return {.on_open = [this] { add("open"); },
            .on_message = [this](std::string_view text) { add("message " + std::string(text)); },
            .on_idle = {},
            .on_lost = [this](std::uint16_t code, const std::string& why,
                              std::chrono::milliseconds) { add(fmt::format("lost {} {}", code, why)); },
            .on_failed = [this](const std::string& problem,
                                std::chrono::milliseconds) { add("failed " + problem); },
            .on_tick = {}};
  }

 private:
  std::string find(std::string_view start) const {
    for (const auto& event : events_) {
      if (event.starts_with(start)) return event;
    }
    return {};
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> events_;
};

constexpr ReconnectOptions quick{.backoff = {.first = 5ms, .longest = 20ms}};
constexpr ReconnectOptions once{.retry_first = false, .retry = false};

ClientOptions options_for(const TestServer& server) {
  ClientOptions options;
  options.endpoint = server.endpoint();
  return options;
}

TEST(ReconnectingClient, HelloThenMessagesBothWays) {
  TestServer server;
  Events events;
  auto options = options_for(server);
  options.hello = R"({"eater_name":"test"})";
  options.token = "secret";
  ReconnectingClient client(options, quick, events.handlers());
  EXPECT_TRUE(client.send("early"));
  client.start();
  auto peer = server.accept();
  const std::string request = peer->upgrade();
  EXPECT_THAT(request, HasSubstr("Authorization: Bearer secret\r\n"));
  EXPECT_THAT(request, HasSubstr(fmt::format("Host: 127.0.0.1:{}\r\n", server.port())));
  EXPECT_EQ(peer->read_text(), R"({"eater_name":"test"})");
  EXPECT_EQ(peer->read_text(), "early");
  peer->send(Opcode::text, "from the hub");
  EXPECT_TRUE(events.wait_for("message from the hub"));
  EXPECT_TRUE(client.connected());
  client.send("later");
  EXPECT_EQ(peer->read_text(), "later");
  client.stop(4102, "dumpling eater is full");
  EXPECT_EQ(peer->read_close(), 4102);
}

TEST(ReconnectingClient, AnswersPings) {
  TestServer server;
  ReconnectingClient client(options_for(server), quick, {});
  client.start();
  auto peer = server.accept();
  peer->upgrade();
  peer->send(Opcode::ping, "are you there");
  const auto answer = peer->read();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, MessageReader::Kind::pong);
  EXPECT_EQ(answer->payload, "are you there");
}

TEST(ReconnectingClient, FramesThatComeWithTheResponse) {
  TestServer server;
  Events events;
  ReconnectingClient client(options_for(server), quick, events.handlers());
  client.start();
  auto peer = server.accept();
  const std::string request = peer->read_request();
  const auto at = request.find("Key: ") + 5;
  std::string frames;
  append_frame(frames, Opcode::text, "at once");
  peer->write(
      "HTTP/1.1 101 ok\r\nupgrade: WebSocket\r\nconnection: keep-alive, Upgrade\r\nsec-websocket-accept: " +
      websocket_accept(request.substr(at, request.find("\r\n", at) - at)) + "\r\n\r\n" + frames);
  EXPECT_TRUE(events.wait_for("message at once"));
}

TEST(ReconnectingClient, FlushWaitsUntilTheHubHasItAll) {
  TestServer server;
  ReconnectingClient client(options_for(server), quick, {});
  client.start();
  auto peer = server.accept();
  peer->upgrade();
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(client.send(std::to_string(i)));
  EXPECT_FALSE(client.flush(1ms)) << "the server has not read yet";
  std::thread flusher([&] { EXPECT_TRUE(client.flush(20s)); });
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(peer->read_text(), std::to_string(i));
  // The answer to the ping behind them is given while waiting for what comes next: the close frame.
  std::thread closer([&] {
    flusher.join();
    EXPECT_EQ(client.counters().confirmed, 1000u);
    client.stop();
  });
  EXPECT_EQ(peer->read_close(), close_code::normal);
  closer.join();
}

TEST(ReconnectingClient, ComesBackAndSendsAgainWhatWasNotConfirmed) {
  auto server = std::make_unique<TestServer>();
  Events events;
  auto options = options_for(*server);
  options.hello = "hello";
  ReconnectingClient client(options, quick, events.handlers());
  client.start();
  auto peer = server->accept();
  peer->upgrade();
  peer->answer_pings = false;
  EXPECT_EQ(peer->read_text(), "hello");
  client.send("one");
  EXPECT_EQ(peer->read_text(), "one");
  const auto port = server->port();
  server.reset();
  peer->reset();
  EXPECT_TRUE(events.wait_for("lost 1006"));
  client.send("two");
  EXPECT_TRUE(events.wait_for("failed nothing listens"));
  server = std::make_unique<TestServer>(port);
  peer = server->accept();
  peer->upgrade();
  EXPECT_EQ(peer->read_text(), "hello");
  EXPECT_EQ(peer->read_text(), "one");
  EXPECT_EQ(peer->read_text(), "two");
  EXPECT_EQ(client.counters().sent_again, 1u);
}

TEST(ReconnectingClient, FullQueueRefuses) {
  ClientOptions options;
  options.endpoint = {"127.0.0.1", 1, false};
  options.queue = {.messages = 3, .bytes = 1000};
  ReconnectingClient client(options, quick, {});
  client.start();
  for (int i = 0; i < 5; ++i) client.send("x");
  EXPECT_EQ(client.counters().refused, 2u);
  EXPECT_EQ(client.counters().waiting, 3u);
  EXPECT_FALSE(client.flush(20ms));
}

TEST(ReconnectingClient, CloseOfTheHubIsReported) {
  TestServer server;
  Events events;
  ReconnectingClient client(options_for(server), once, events.handlers());
  client.start();
  auto peer = server.accept();
  peer->upgrade();
  peer->send(Opcode::close, close_payload(1001, "going down"));
  EXPECT_EQ(peer->read_close(), 1001);
  EXPECT_TRUE(events.wait_for("lost 1001 going down"));
}

TEST(ReconnectingClient, ViolationsAreAnsweredWithTheirCode) {
  struct Case {
    std::string bytes;
    std::uint16_t code;
  };
  std::string masked;
  append_masked_frame(masked, Opcode::text, "x", {1, 2, 3, 4});
  std::string long_message;
  append_frame(long_message, Opcode::text, std::string(2000, 'x'));
  for (const auto& [bytes, code] :
       {Case{masked, 1002}, Case{std::string("\x81\x01\xff", 3), 1007}, Case{long_message, 1009}}) {
    TestServer server;
    Events events;
    auto options = options_for(server);
    options.max_message_bytes = 1000;
    ReconnectingClient client(options, once, events.handlers());
    client.start();
    auto peer = server.accept();
    peer->upgrade();
    peer->write(bytes);
    EXPECT_EQ(peer->read_close(), code);
    peer.reset();
    EXPECT_TRUE(events.wait_for(fmt::format("lost {}", code)));
  }
}

// The text of the failure when a server answers the upgrade so.
std::string failure_with(std::string_view response, const std::string& token = "") {
  TestServer server;
  Events events;
  auto options = options_for(server);
  options.token = token;
  ReconnectingClient client(options, once, events.handlers());
  client.start();
  auto peer = server.accept();
  peer->read_request();
  peer->write(response);
  peer.reset();
  return events.get("failed");
}

TEST(ReconnectingClient, RefusalsSayWhatToDo) {
  EXPECT_THAT(failure_with("HTTP/1.1 401 Unauthorized\r\n\r\n"), HasSubstr("--token-file"));
  EXPECT_THAT(failure_with("HTTP/1.1 401 Unauthorized\r\n\r\n", "x"),
              HasSubstr("does not accept this token"));
  EXPECT_THAT(failure_with("HTTP/1.1 403 Forbidden\r\n\r\n"), HasSubstr("403"));
  EXPECT_THAT(failure_with("HTTP/1.1 503 Full\r\n\r\n"), HasSubstr("503"));
  EXPECT_THAT(failure_with("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), HasSubstr("200 OK"));
  EXPECT_THAT(failure_with("SSH-2.0-OpenSSH\r\n"), HasSubstr("no WebSocket server"));
  EXPECT_THAT(failure_with("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           "Sec-WebSocket-Accept: wrong\r\n\r\n"),
              HasSubstr("wrong WebSocket handshake"));
  EXPECT_THAT(failure_with(""), HasSubstr("closed the connection"));
  EXPECT_THAT(failure_with(std::string(100'000, 'x')), HasSubstr("no WebSocket server"));
  for (const char* response : {"", "x\r\n", "HTTP/1.1 401 X\r\n\r\n"}) {
    EXPECT_THAT(failure_with(response), Not(HasSubstr("\n")));
  }
}

TEST(ReconnectingClient, RefusedAndUnknownHost) {
  for (const char* host : {"127.0.0.1", "no-such-host.invalid"}) {
    Events events;
    ClientOptions options;
    options.endpoint = {host, 1, false};
    ReconnectingClient client(options, once, events.handlers());
    client.run();  // ends, as no further try is to be made
    EXPECT_THAT(events.get("failed"), host[0] == '1' ? HasSubstr("nothing listens") : HasSubstr(host));
  }
}

TEST(ReconnectingClient, SilentServerTimesOut) {
  TestServer server;
  Events events;
  auto options = options_for(server);
  options.connect_timeout = 100ms;
  ReconnectingClient client(options, once, events.handlers());
  client.start();
  auto peer = server.accept();
  EXPECT_THAT(events.get("failed"), HasSubstr("did not answer within"));
}

TEST(ReconnectingClient, HubThatStopsAnsweringIsLeft) {
  TestServer server;
  Events events;
  auto options = options_for(server);
  options.ping_every = options.ping_timeout = 50ms;
  ReconnectingClient client(options, once, events.handlers());
  client.start();
  auto peer = server.accept();
  peer->upgrade();
  EXPECT_THAT(events.get("lost"), HasSubstr("stopped answering"));
}

TEST(ReconnectingClient, StopEndsAtOnceWhateverIsGoingOn) {
  TestServer silent;
  ReconnectingClient never_run(options_for(silent), quick, {});
  {
    ReconnectingClient connecting(options_for(silent), quick, {});
    connecting.start();
    auto peer = silent.accept();
    const auto began = std::chrono::steady_clock::now();
    connecting.stop();
    connecting.stop();
    EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  }
  ClientOptions nowhere;
  nowhere.endpoint = {"127.0.0.1", 1, false};
  Events events;
  ReconnectingClient waiting(nowhere, {.backoff = {.first = 1h, .longest = 1h}}, events.handlers());
  waiting.start();
  EXPECT_TRUE(events.wait_for("failed"));
}

TEST(Backoff, DoublesUpToItsBound) {
  const Backoff backoff{.first = 100ms, .longest = 1000ms};
  EXPECT_EQ(backoff.wait(0, 0.0), 50ms);
  EXPECT_EQ(backoff.wait(0, 0.999999).count() / 10, 9);
  EXPECT_EQ(backoff.wait(2, 0.0), 200ms);
  EXPECT_EQ(backoff.wait(1'000'000, 0.0), 500ms);
}

}  // namespace
}  // namespace spiderling
