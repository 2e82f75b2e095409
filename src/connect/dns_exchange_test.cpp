#include "connect/dns_exchange.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <vector>

#include "connect/connector.h"
#include "connect/test_server.h"
#include "spiderling/dns_builder.h"
#include "spiderling/headers/dns.h"

namespace spiderling {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace testing;

Job job_for(const char* dip, std::string domain = "www.example.org") {
  Job job;
  job.dip = address(dip);
  job.domain = std::move(domain);
  return job;
}

// --- what a server may say to a question

std::string text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// An answer to the question in `query`, of which a test says what is different.
struct Answer {
  std::uint16_t id_offset = 0;
  std::uint16_t code = 0;
  const char* name = nullptr;  ///< nullptr: the one that was asked
  int addresses = 1;

  std::string to(const std::string& query) const {
    const auto asked = DnsMessage::at(bytes_of(query));
    const std::string own_name = asked->questions().front().name();
    const std::string_view given = name != nullptr ? std::string_view(name) : std::string_view(own_name);
    std::vector<std::uint8_t> room(60'000);
    DnsBuilder builder(room);
    builder.header(static_cast<std::uint16_t>(asked->id() + id_offset), dns_flag::response | code)
        .question(given, asked->questions().front().type());
    for (int i = 0; i < addresses; ++i)
      builder.address(DnsBuilder::Section::answer, given, address("192.0.2.1"), 60);
    const auto message = builder.finish();
    EXPECT_TRUE(message.has_value());
    return text_of(*message);
  }
};

std::optional<std::uint64_t> code_of(const ConnectionRecord& record) {
  for (const auto& [name, value] : record.fields)
    if (name == "dns_response_code") return value.to_number<std::uint64_t>();
  return std::nullopt;
}

// --- over TCP

std::string with_length(const std::string& message, std::size_t length) {
  return std::string{static_cast<char>(length >> 8), static_cast<char>(length & 0xff)} + message;
}
std::string with_length(const std::string& message) { return with_length(message, message.size()); }

asio::awaitable<std::string> read_query(Server::Socket& socket) {
  std::uint8_t length[2];
  co_await asio::async_read(socket, asio::buffer(length), asio::use_awaitable);
  std::string query(load_be16(length), '\0');
  co_await asio::async_read(socket, asio::buffer(query), asio::use_awaitable);
  co_return query;
}

/// Reads a question, says what `say` makes of it, then behaves as `then`.
Server::Behaviour say(std::function<std::string(const std::string&)> say,
                      Server::Behaviour then = say_nothing) {
  return [say = std::move(say), then = std::move(then)](Server::Socket& socket) -> asio::awaitable<void> {
    const std::string query = co_await read_query(socket);
    const std::string answer = say(query);
    co_await asio::async_write(socket, asio::buffer(answer), asio::use_awaitable);
    co_await then(socket);
  };
}

ConnectionRecord ask_tcp(Loop& loop, std::uint16_t port, const Job& job, Deadline deadline = patiently()) {
  const auto work = [&]() -> asio::awaitable<ConnectionRecord> {
    Connector connector(loop.shared, ConnectMode::dnstcp, job, port);
    if (Outcome ready = connector.prepare({}, 0); !ready.ok()) co_return connector.record_of(ready);
    ConnectionRecord record = co_await connector.run(deadline);
    connector.end();
    co_return record;
  };
  return loop.run(work());
}
ConnectionRecord ask_tcp(Server::Behaviour behaviour, std::chrono::milliseconds limit = patience) {
  Loop loop;
  Server server(loop.io, std::move(behaviour));
  return ask_tcp(loop, server.port(), job_for("127.0.0.1"), in(limit));
}

TEST(DnsTcp, AnyAnswerToTheQuestionIsGood) {
  for (const std::uint16_t code : std::initializer_list<std::uint16_t>{0, 2, 3, 5, 9}) {
    const auto record =
        ask_tcp(say([&](const std::string& query) { return with_length(Answer{.code = code}.to(query)); }));
    EXPECT_TRUE(record.ok()) << record.reason;
    EXPECT_EQ(code_of(record), code);
  }
  const auto large =
      ask_tcp(say([](const std::string& query) { return with_length(Answer{.addresses = 3000}.to(query)); }));
  EXPECT_TRUE(large.ok()) << large.reason;
}

TEST(DnsTcp, TheQuestionIsThatOfTheJob) {
  Loop loop;
  std::vector<std::string> queries;
  const auto note = say([&](const std::string& query) {
    queries.push_back(query);
    return with_length(Answer{}.to(query));
  });
  Server server(loop.io, note), server6(loop.io, note, address("::1"));
  EXPECT_TRUE(ask_tcp(loop, server.port(), job_for("127.0.0.1")).ok());
  EXPECT_TRUE(ask_tcp(loop, server6.port(), job_for("::1", "")).ok());
  ASSERT_EQ(queries.size(), 2u);
  EXPECT_EQ(DnsMessage::at(bytes_of(queries[0]))->questions().front().name(), "www.example.org");
  EXPECT_EQ(DnsMessage::at(bytes_of(queries[1]))->questions().front().name(), ".");
  const auto record = ask_tcp(loop, server.port(), job_for("127.0.0.1", "a..b"));
  EXPECT_EQ(record.state, ConnectionState::skipped);
  EXPECT_EQ(record.reason, "the job's domain is no name of DNS");
  EXPECT_EQ(queries.size(), 2u) << "nothing was sent";
}

TEST(DnsTcp, TheIdIsAnotherEachTime) {
  std::map<std::uint16_t, int> ids;
  for (int i = 0; i < 200; ++i) ++ids[dns_query_for(job_for("127.0.0.1"))->id()];
  EXPECT_GT(ids.size(), 150u);
}

TEST(DnsTcp, AnAnswerInSinglePiecesIsOne) {
  const auto drip = [](Server::Socket& socket) -> asio::awaitable<void> {
    const std::string query = co_await read_query(socket);
    socket.set_option(asio::ip::tcp::no_delay(true));
    for (const char byte : with_length(Answer{}.to(query)))
      co_await asio::async_write(socket, asio::buffer(&byte, 1), asio::use_awaitable);
    co_await say_nothing(socket);
  };
  EXPECT_TRUE(ask_tcp(drip).ok());
}

TEST(DnsTcp, WhatIsSaidTwiceIsHeardOnce) {
  const auto twice = say([](const std::string& query) {
    const std::string once = with_length(Answer{}.to(query));
    return once + once;
  });
  EXPECT_TRUE(ask_tcp(twice).ok());
}

TEST(DnsTcp, WhatIsNoAnswerFails) {
  const auto reason = [](std::function<std::string(const std::string&)> what,
                         Server::Behaviour then = say_nothing) {
    const ConnectionRecord record = ask_tcp(say(std::move(what), std::move(then)));
    EXPECT_EQ(record.state, ConnectionState::failed);
    EXPECT_EQ(code_of(record), std::nullopt);
    return record.reason;
  };
  const std::string other = "the answer is none to our question";
  EXPECT_EQ(reason([](const std::string& q) { return with_length(Answer{.id_offset = 1}.to(q)); }), other);
  EXPECT_EQ(reason([](const std::string& q) { return with_length(Answer{.name = "b.org"}.to(q)); }), other);
  EXPECT_EQ(reason([](const std::string& q) { return with_length(q); }), other);
  EXPECT_EQ(reason([](const std::string&) { return with_length(std::string(100, 'x')); }), other);
  EXPECT_EQ(reason([](const std::string& q) { return with_length(Answer{}.to(q).substr(0, 40)); }), other);
  const std::string none = "the answer is no message of DNS";
  EXPECT_EQ(reason([](const std::string&) { return with_length(""); }), none);
  EXPECT_EQ(reason([](const std::string&) { return with_length("hello world"); }), none);
  EXPECT_EQ(reason([](const std::string&) { return ""; }, close_at_once), "closed without an answer");
  EXPECT_EQ(reason([](const std::string& q) { return with_length(Answer{}.to(q), 60'000); }, close_at_once),
            "closed in the middle of the answer");
  EXPECT_EQ(reason([](const std::string&) { return "\1"; }, close_at_once),
            "closed in the middle of the answer");
}

TEST(DnsTcp, AResetFails) {
  const auto reset = [](Server::Socket& socket) -> asio::awaitable<void> {
    send_reset(socket);
    co_return;
  };
  for (const std::size_t sent : {0u, 1u, 2u, 20u}) {
    const auto record = ask_tcp(say(
        [&](const std::string& query) { return with_length(Answer{}.to(query)).substr(0, sent); }, reset));
    EXPECT_EQ(record.state, ConnectionState::failed);
    EXPECT_EQ(record.reason, "connection reset");
  }
}

TEST(DnsTcp, SilenceAndALengthThatIsNeverReachedAreTimeouts) {
  EXPECT_EQ(ask_tcp(say_nothing, 100ms).state, ConnectionState::timeout);
  const auto lies = say([](const std::string& query) { return with_length(Answer{}.to(query), 60'000); });
  EXPECT_EQ(ask_tcp(lies, 100ms).state, ConnectionState::timeout);
}

// --- over UDP

/// Answers each datagram with as many as it likes, from its own port or another.
class UdpPeer {
 public:
  struct Saying {
    std::string bytes;
    bool from_elsewhere = false;
  };
  using Behaviour = std::function<std::vector<Saying>(const std::string& query)>;

  UdpPeer(asio::io_context& io, Behaviour behaviour, const char* at = "127.0.0.1")
      : behaviour_(std::move(behaviour)),
        own_(io, {asio::ip::make_address(at), 0}),
        other_(io, {asio::ip::make_address(at), 0}) {
    asio::co_spawn(io, serve(), asio::detached);
  }
  std::uint16_t port() const { return own_.local_endpoint().port(); }
  const std::vector<std::string>& heard() const { return heard_; }
  const std::vector<std::uint16_t>& ports() const { return ports_; }

 private:
  asio::awaitable<void> serve() {
    boost::system::error_code problem;
    for (;;) {
      std::string query(2000, '\0');
      asio::ip::udp::endpoint from;
      const std::size_t size = co_await own_.async_receive_from(
          asio::buffer(query), from, asio::redirect_error(asio::use_awaitable, problem));
      if (problem) co_return;
      query.resize(size);
      heard_.push_back(query);
      ports_.push_back(from.port());
      for (const Saying& one : behaviour_(query))
        (one.from_elsewhere ? other_ : own_).send_to(asio::buffer(one.bytes), from);
    }
  }
  Behaviour behaviour_;
  std::vector<std::string> heard_;
  std::vector<std::uint16_t> ports_;
  asio::ip::udp::socket own_, other_;
};

struct Asked {
  Outcome prepared;
  DnsExchange exchange;
  ConnectionEnds ends;
};
Asked ask_udp(Loop& loop, const char* dip, std::uint16_t port, Deadline deadline = patiently(),
              const SocketSetup& setup = {}) {
  const auto work = [&]() -> asio::awaitable<Asked> {
    Asked asked;
    UdpSocket socket(loop.shared);
    const Job job = job_for(dip);
    asked.prepared = socket.prepare(job.dip, port, setup, 0);
    asked.ends = socket.ends();
    if (asked.prepared.ok()) asked.exchange = co_await ask_dns(socket, *dns_query_for(job), deadline);
    co_return asked;
  };
  return loop.run(work());
}
DnsExchange ask_udp(UdpPeer::Behaviour behaviour, std::chrono::milliseconds limit = patience) {
  Loop loop;
  UdpPeer peer(loop.io, std::move(behaviour));
  return ask_udp(loop, "127.0.0.1", peer.port(), in(limit)).exchange;
}

TEST(DnsUdp, AnyAnswerToTheQuestionIsGood) {
  for (const std::uint16_t code : std::initializer_list<std::uint16_t>{0, 3, 5, 15}) {
    const auto exchange = ask_udp([&](const std::string& query) -> std::vector<UdpPeer::Saying> {
      return {{Answer{.code = code}.to(query)}};
    });
    EXPECT_TRUE(exchange.outcome.ok()) << exchange.outcome.reason;
    EXPECT_EQ(exchange.response_code, code);
  }
  const auto large = ask_udp([](const std::string& query) -> std::vector<UdpPeer::Saying> {
    return {{Answer{.addresses = 3000}.to(query)}};
  });
  EXPECT_TRUE(large.outcome.ok()) << "48 KB in one datagram";
}

TEST(DnsUdp, ThePortThatWasReservedIsTheOneThatAsks) {
  for (const char* at : {"127.0.0.1", "::1"}) {
    Loop loop;
    UdpPeer peer(
        loop.io,
        [](const std::string& query) -> std::vector<UdpPeer::Saying> { return {{Answer{}.to(query)}}; }, at);
    for (std::size_t i = 0; i < 5; ++i) {
      const Asked asked = ask_udp(loop, at, peer.port(), patiently(), {.dscp = 46});
      EXPECT_TRUE(asked.exchange.outcome.ok()) << asked.exchange.outcome.reason;
      EXPECT_EQ(asked.ends.sip, address(at));
      EXPECT_EQ(asked.ends.sp, peer.ports().at(i));
      EXPECT_GE(asked.ends.sp, 20'000);
      EXPECT_TRUE(i == 0 || peer.ports()[i] != peer.ports()[i - 1]);
    }
    EXPECT_EQ(loop.shared->ports.in_use(), 0u);
  }
}

TEST(DnsUdp, WhatIsNoAnswerIsPassedOver) {
  const auto exchange = ask_udp([](const std::string& query) -> std::vector<UdpPeer::Saying> {
    return {{Answer{.id_offset = 1, .code = 9}.to(query)},
            {Answer{.code = 9, .name = "b.org"}.to(query)},
            {query},
            {""},
            {"garbage"},
            {Answer{.code = 9}.to(query).substr(0, 30)},
            {std::string(60'000, 'x')},
            {Answer{.code = 3}.to(query)},
            {Answer{.code = 9}.to(query)}};
  });
  EXPECT_TRUE(exchange.outcome.ok()) << exchange.outcome.reason;
  EXPECT_EQ(exchange.response_code, 3);
}

// It waits until the deadline, and no longer, whoever sends what.
TEST(DnsUdp, AForgedAnswerAloneIsATimeout) {
  const auto wrong = ask_udp(
      [](const std::string& query) -> std::vector<UdpPeer::Saying> {
        return {{Answer{.id_offset = 1}.to(query)}, {Answer{.name = "b.org"}.to(query)}};
      },
      100ms);
  EXPECT_EQ(wrong.outcome.state, ConnectionState::timeout);
  EXPECT_TRUE(wrong.outcome.reason.starts_with("no answer in time")) << wrong.outcome.reason;
  const auto from_elsewhere = ask_udp(
      [](const std::string& query) -> std::vector<UdpPeer::Saying> {
        return {{Answer{}.to(query), true}};
      },
      100ms);
  EXPECT_EQ(from_elsewhere.outcome.state, ConnectionState::timeout);
  EXPECT_EQ(from_elsewhere.outcome.reason, "no answer in time") << "the kernel let none of it in";
}

TEST(DnsUdp, AnIcmpErrorIsAFailureAtOnce) {
  Loop loop;
  for (const char* at : {"127.0.0.1", "::1"}) {
    std::uint16_t closed = 0;
    {
      asio::io_context io;
      closed = UdpPeer(io, {}, at).port();
    }
    const Asked asked = ask_udp(loop, at, closed);
    EXPECT_EQ(asked.exchange.outcome.state, ConnectionState::failed);
    EXPECT_EQ(asked.exchange.outcome.reason, "connection refused");
    EXPECT_EQ(asked.exchange.response_code, std::nullopt);
  }
}

TEST(DnsUdp, WhatCannotBeAskedIsNotAsked) {
  Loop loop;
  EXPECT_EQ(ask_udp(loop, "127.0.0.1", 0).prepared.state, ConnectionState::skipped);
  EXPECT_EQ(ask_udp(loop, "0.0.0.0", 53).prepared.state, ConnectionState::skipped);
  EXPECT_EQ(ask_udp(loop, "127.0.0.1", 53, patiently(), {.network_namespace = "/nonexistent"}).prepared.state,
            ConnectionState::discard);
  EXPECT_EQ(loop.shared->ports.in_use(), 0u);
}

TEST(DnsUdp, LeavesNothingOpen) {
  const std::size_t before = open_descriptors();
  {
    Loop loop;
    UdpPeer peer(loop.io, [](const std::string&) -> std::vector<UdpPeer::Saying> { return {}; });
    const std::size_t with_loop = open_descriptors();
    EXPECT_EQ(ask_udp(loop, "127.0.0.1", peer.port(), in(20ms)).exchange.outcome.state,
              ConnectionState::timeout);
    EXPECT_LE(open_descriptors(), with_loop + 1) << "the socket that looks for routes stays";
  }
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace spiderling
