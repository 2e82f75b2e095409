#include "connect/connector.h"

#include <gtest/gtest.h>

#include <optional>

#include "connect/test_server.h"

namespace spiderling {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace testing;

Job job_for(const char* dip, std::string domain = {}) {
  Job job;
  job.dip = address(dip);
  job.domain = std::move(domain);
  return job;
}

std::optional<std::uint64_t> status_of(const ConnectionRecord& record) {
  for (const auto& [name, value] : record.fields)
    if (name == "http_response_code") return value.to_number<std::uint64_t>();
  return std::nullopt;
}

/// One connection, whole.
ConnectionRecord run(Loop& loop, ConnectMode mode, const Job& job, std::uint16_t port,
                     Deadline deadline = patiently(), const SocketSetup& setup = {}) {
  const auto work = [&]() -> asio::awaitable<ConnectionRecord> {
    Connector connector(loop.shared, mode, job, port);
    if (Outcome ready = connector.prepare(setup, 0); !ready.ok()) co_return connector.record_of(ready);
    ConnectionRecord record = co_await connector.run(deadline);
    EXPECT_EQ(record.sp, connector.ends().sp);
    connector.end();
    co_return record;
  };
  return loop.run(work());
}

ConnectionRecord get(Loop& loop, Server::Behaviour behaviour, std::chrono::milliseconds limit = patience) {
  Server server(loop.io, std::move(behaviour));
  return run(loop, ConnectMode::http, job_for("127.0.0.1"), server.port(), in(limit));
}

// --- tcp

TEST(Connector, TcpIsTheHandshakeAndNoMore) {
  Loop loop;
  Server server(loop.io, say_nothing);
  const Timestamp before = std::chrono::system_clock::now();
  const ConnectionRecord record = run(loop, ConnectMode::tcp, job_for("127.0.0.1"), server.port());
  EXPECT_TRUE(record.ok()) << record.reason;
  EXPECT_EQ(record.sip, address("127.0.0.1"));
  EXPECT_GE(record.sp, 20'000);
  EXPECT_LE(before, record.start);
  EXPECT_LE(record.start, record.stop);
  EXPECT_LE(record.stop, Timestamp(std::chrono::system_clock::now()));
  EXPECT_TRUE(record.fields.empty());
}

TEST(Connector, TcpEndsInEveryState) {
  Loop loop;
  const SilentListener silent;
  const std::uint16_t closed = Listener().port();
  const Job job = job_for("127.0.0.1");
  const ConnectionRecord refused = run(loop, ConnectMode::tcp, job, closed);
  EXPECT_EQ(refused.state, ConnectionState::failed);
  EXPECT_EQ(refused.reason, "connection refused");
  const ConnectionRecord unanswered = run(loop, ConnectMode::tcp, job, silent.port(), in(50ms));
  EXPECT_EQ(unanswered.state, ConnectionState::timeout);
  EXPECT_GE(unanswered.stop - unanswered.start, 40ms);  // two clocks
  EXPECT_EQ(run(loop, ConnectMode::tcp, Job{}, 80).state, ConnectionState::skipped);
  EXPECT_EQ(run(loop, ConnectMode::tcp, job, 0).state, ConnectionState::skipped);
  const ConnectionRecord ours =
      run(loop, ConnectMode::tcp, job, closed, patiently(), {.network_namespace = "/nonexistent"});
  EXPECT_EQ(ours.state, ConnectionState::discard);
  EXPECT_EQ(ours.sp, 0);
}

// --- http

TEST(Connector, HttpAsksForTheDomainOrTheAddress) {
  Loop loop;
  loop.use({.ports = {20'000, 29'999}, .http = {.user_agent = *user_agent("9.9", "mail@example.org")}});
  std::string request;
  const auto listen_in = [&](Server::Socket& socket) -> asio::awaitable<void> {
    request.clear();
    char byte = 0;
    while (!request.ends_with("\r\n\r\n")) {
      co_await socket.async_read_some(asio::buffer(&byte, 1), asio::use_awaitable);
      request += byte;
    }
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    co_await asio::async_write(socket, asio::buffer(answer), asio::use_awaitable);
  };
  Server server(loop.io, listen_in), server6(loop.io, listen_in, address("::1"));
  const std::string rest =
      "\r\nUser-Agent: spiderling/9.9 (mail@example.org)\r\nAccept: */*\r\nConnection: close\r\n\r\n";
  const std::string port = std::to_string(server.port()), port6 = std::to_string(server6.port());

  EXPECT_TRUE(run(loop, ConnectMode::http, job_for("127.0.0.1", "www.example.org"), server.port()).ok());
  EXPECT_EQ(request, "GET / HTTP/1.1\r\nHost: www.example.org:" + port + rest);
  EXPECT_TRUE(run(loop, ConnectMode::http, job_for("127.0.0.1"), server.port()).ok());
  EXPECT_EQ(request, "GET / HTTP/1.1\r\nHost: 127.0.0.1:" + port + rest);
  EXPECT_TRUE(run(loop, ConnectMode::http, job_for("::1"), server6.port()).ok());
  EXPECT_EQ(request, "GET / HTTP/1.1\r\nHost: [::1]:" + port6 + rest);
  EXPECT_EQ(http_request("a.example", 80, ConnectMode::http, {}).substr(0, 37),
            "GET / HTTP/1.1\r\nHost: a.example\r\nUser");
  EXPECT_EQ(http_request("a.example", 443, ConnectMode::https, {}).substr(0, 37),
            "GET / HTTP/1.1\r\nHost: a.example\r\nUser");
}

TEST(Connector, ADomainThatIsNoHostNameIsNeverSent) {
  Loop loop;
  for (const std::string& domain :
       {std::string("a\r\nX-Evil: 1"), std::string("a b"), std::string("ü.example"), std::string(254, 'a'),
        std::string("a/b"), std::string("a\0b", 3)}) {
    for (const ConnectMode mode : {ConnectMode::http, ConnectMode::https}) {
      const ConnectionRecord record = run(loop, mode, job_for("127.0.0.1", domain), 80);
      EXPECT_EQ(record.state, ConnectionState::skipped);
      EXPECT_EQ(record.reason, "the job's domain is no host name");
    }
  }
  EXPECT_FALSE(user_agent("1", "a\r\nb"));
  EXPECT_FALSE(user_agent("1", "a)b"));
  EXPECT_EQ(*user_agent("1", ""), "spiderling/1");
}

TEST(Connector, HttpTellsTheStatus) {
  Loop loop;
  const auto record =
      get(loop, answer_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 418 I'm a teapot\r\n\r\nshort"));
  EXPECT_TRUE(record.ok()) << record.reason;
  EXPECT_EQ(status_of(record), 418u);
}

TEST(Connector, AnAnswerThatIsNoneFails) {
  Loop loop;
  const auto failure = [&](std::string answer, Server::Behaviour then = close_at_once) {
    const ConnectionRecord record = get(loop, answer_with(std::move(answer), std::move(then)));
    EXPECT_EQ(record.state, ConnectionState::failed);
    EXPECT_EQ(status_of(record), std::nullopt);
    return record.reason;
  };
  EXPECT_EQ(failure("garbage", say_nothing), "the answer is no HTTP/1");
  EXPECT_EQ(failure(std::string(100, '\0'), say_nothing), "the answer is no HTTP/1");
  EXPECT_EQ(failure(""), "closed without an answer");
  EXPECT_EQ(failure("HTTP/1.1 2"), "closed in the middle of the header");
  EXPECT_EQ(failure("HTTP/1.1 200 OK\r\nA: b\r\n"), "closed in the middle of the header");
  EXPECT_EQ(failure("HTTP/1.1 200 OK\r\n", repeat("A: b\r\n")), "a header without end");
  EXPECT_EQ(failure("", repeat("HTTP/1.1 100 Continue\r\n\r\n")), "a header without end");
}

TEST(Connector, AResetFailsWheneverItComes) {
  Loop loop;
  const auto reset = [](Server::Socket& socket) -> asio::awaitable<void> {
    send_reset(socket);
    co_return;
  };
  for (const char* sent : {"", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nA: b\r\n"}) {
    const ConnectionRecord record = get(loop, answer_with(sent, reset));
    EXPECT_EQ(record.state, ConnectionState::failed);
    EXPECT_EQ(record.reason, "connection reset");
  }
  EXPECT_EQ(get(loop, reset).state, ConnectionState::failed);
}

TEST(Connector, SilenceAfterTheHandshakeIsATimeout) {
  Loop loop;
  EXPECT_EQ(get(loop, say_nothing, 100ms).state, ConnectionState::timeout);
  EXPECT_EQ(get(loop, answer_with("HTTP/1.1 200 OK\r\n", say_nothing), 100ms).state,
            ConnectionState::timeout);
}

// One byte at a time, as slowly as the client waits: what matters is that each byte buys no time.
TEST(Connector, WhoDripsDoesNotHoldUsLonger) {
  Loop loop;
  const auto drip = [&loop](Server::Socket& socket) -> asio::awaitable<void> {
    asio::steady_timer timer(loop.io);
    for (const char byte : std::string("HTTP/1.1 200 OK\r\nA: ") + std::string(10'000, 'x')) {
      co_await asio::async_write(socket, asio::buffer(&byte, 1), asio::use_awaitable);
      timer.expires_after(10ms);
      co_await timer.async_wait(asio::use_awaitable);
    }
  };
  EXPECT_EQ(get(loop, drip, 200ms).state, ConnectionState::timeout);
}

TEST(Connector, ABodyWithoutEndIsLeftAtTheLimit) {
  Loop loop;
  const ConnectionRecord record =
      get(loop, answer_with("HTTP/1.1 200 OK\r\n\r\n", repeat(std::string(8192, 'x'))));
  EXPECT_TRUE(record.ok()) << record.reason;
  EXPECT_EQ(status_of(record), 200u);
}

TEST(Connector, ABodyThatNeverComesIsNoFault) {
  Loop loop;
  const auto record =
      get(loop, answer_with("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", say_nothing), 100ms);
  EXPECT_TRUE(record.ok()) << record.reason;
  EXPECT_EQ(status_of(record), 200u);
}

// --- afterwards

TEST(Connector, TheStreamIsThereUntilTheEnd) {
  Loop loop;
  Server server(loop.io, answer_with("220 ready\r\n"));
  const Job job = job_for("127.0.0.1");
  const auto talk = [&]() -> asio::awaitable<std::string> {
    Connector connector(loop.shared, ConnectMode::http, job, server.port());
    EXPECT_TRUE(connector.prepare({}, 0).ok());
    EXPECT_TRUE((co_await connector.tcp_connect(patiently())).ok());
    EXPECT_TRUE(connector.stands());
    EXPECT_TRUE((co_await send_all(connector.stream(), "HELO\r\n\r\n", patiently())).ok());
    Received received = co_await receive_some(connector.stream(), 100, patiently());
    connector.end();
    EXPECT_FALSE(connector.stands());
    co_return received.bytes;
  };
  EXPECT_EQ(loop.run(talk()), "220 ready\r\n");
}

TEST(Connector, AnotherPortIsTakenWhereTheKernelRemembersTheFirst) {
  Loop loop({20'003, 20'004});
  const Listener listener;
  const Job job = job_for("127.0.0.1");
  // Another socket of the same two ends, which the allocator knows nothing of, for either port.
  std::vector<FileDescriptor> holders;
  const auto hold = [&](std::uint16_t port) {
    holders.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int yes = 1;
    ::setsockopt(holders.back().get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    const SocketAddress here(job.dip, port), there(job.dip, listener.port());
    ASSERT_EQ(::bind(holders.back().get(), here.get(), here.size()), 0);
    ASSERT_EQ(::connect(holders.back().get(), there.get(), there.size()), 0);
  };
  Connector connector(loop.shared, ConnectMode::tcp, job, listener.port());
  ASSERT_TRUE(connector.prepare({}, 0).ok());
  const std::uint16_t first = connector.ends().sp;
  hold(first);
  EXPECT_EQ(loop.run(connector.run(patiently())).state, ConnectionState::discard);
  ASSERT_TRUE(connector.port_taken());
  ASSERT_TRUE(connector.prepare({}, 0).ok());
  EXPECT_NE(connector.ends().sp, first);
  EXPECT_TRUE(loop.run(connector.run(patiently())).ok());
  EXPECT_FALSE(connector.port_taken());
}

}  // namespace
}  // namespace spiderling
