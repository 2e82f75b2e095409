// HTTP/2 through the connector, against servers that behave as badly as they can.
#include "connect/http2.h"

#include <gtest/gtest.h>

#include <string>

#include <boost/json/serialize.hpp>

#include "connect/connector.h"
#include "connect/test_certificate.h"
#include "connect/test_http2.h"
#include "connect/test_server.h"

namespace spiderling {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace testing;

constexpr const char* http1_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const std::string switching =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

ConnectionRecord get(Loop& loop, HttpVersion version, std::uint16_t port,
                     ConnectMode mode = ConnectMode::http, Deadline deadline = patiently()) {
  Job job;
  job.dip = address("127.0.0.1");
  job.domain = "localhost";
  const auto work = [&]() -> asio::awaitable<ConnectionRecord> {
    Connector connector(loop.shared, mode, job, port, version);
    if (Outcome ready = connector.prepare({}, 0); !ready.ok()) co_return connector.record_of(ready);
    ConnectionRecord record = co_await connector.run(deadline);
    connector.end();
    co_return record;
  };
  return loop.run(work());
}

ConnectionRecord get(Loop& loop, HttpVersion version, Server::Behaviour behaviour,
                     std::chrono::milliseconds limit = patience) {
  Server server(loop.io, std::move(behaviour));
  return get(loop, version, server.port(), ConnectMode::http, in(limit));
}

std::string field(const ConnectionRecord& record, std::string_view wanted) {
  const Payload* const value = record.find(wanted);
  return value == nullptr ? "(none)" : boost::json::serialize(*value);
}

// Reads until the bytes that end a request of HTTP/2 or 1.1, then says something, then behaves as `then`.
Server::Behaviour say(std::string bytes, Server::Behaviour then = say_nothing, std::size_t piece = 1 << 20) {
  return [=](Server::Socket& socket) -> asio::awaitable<void> {
    char room[4096];
    co_await socket.async_read_some(asio::buffer(room), asio::use_awaitable);
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      co_await asio::async_write(socket, asio::buffer(bytes.data() + at, std::min(piece, bytes.size() - at)),
                                 asio::use_awaitable);
    co_await then(socket);
  };
}

Server::Behaviour reset() {
  return [](Server::Socket& socket) -> asio::awaitable<void> {
    send_reset(socket);
    co_return;
  };
}

// --- by prior knowledge

TEST(Http2, IsSpokenByPriorKnowledge) {
  Loop loop;
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1} << 20}) {
    const ConnectionRecord record =
        get(loop, HttpVersion::http2_prior_knowledge, say(h2::answer(), say_nothing, piece));
    EXPECT_TRUE(record.ok()) << record.reason;
    EXPECT_EQ(field(record, "http_response_code"), "200");
    EXPECT_EQ(field(record, "http_version"), R"("2")");
  }
}

TEST(Http2, APeerThatAnswersInHttp1IsUnderstood) {
  Loop loop;
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1} << 20}) {
    const ConnectionRecord record =
        get(loop, HttpVersion::http2_prior_knowledge,
            say("HTTP/1.0 505 Version Not Supported\r\nContent-Length: 0\r\n\r\n", close_at_once, piece));
    EXPECT_TRUE(record.ok()) << record.reason;
    EXPECT_EQ(field(record, "http_response_code"), "505");
    EXPECT_EQ(field(record, "http_version"), R"("1.0")");
  }
}

TEST(Http2, WhatIsNoAnswerFails) {
  Loop loop;
  const struct {
    const char* what;
    Server::Behaviour behaviour;
    const char* reason;
  } cases[] = {
      {"closed", close_at_once, ""},
      {"closed after the request", say("", close_at_once), ""},
      {"reset after SETTINGS", say(h2::empty_settings(), reset()), ""},
      {"closed after SETTINGS", say(h2::empty_settings(), close_at_once), ""},
      {"garbage", say(std::string(300, '\xaa')), "no HTTP/2"},
      {"HPACK garbage",
       say(h2::empty_settings() + h2::frame(h2::headers, h2::end_headers, 1, "\xff\xff\xff\xff\xff\xff")),
       "no HTTP/2"},
      {"an oversize frame", say(h2::empty_settings() + h2::frame(h2::data, 0, 1, "x", 1 << 22)), "no HTTP/2"},
      {"GOAWAY", say(h2::empty_settings() + h2::frame(h2::goaway, 0, 0, std::string(8, '\0'))), "gave up"},
      {"RST_STREAM", say(h2::empty_settings() + h2::frame(h2::rst_stream, 0, 1, h2::big_endian(2, 4))),
       "gave up"},
      {"PINGs without end", say(h2::empty_settings(), repeat(h2::frame(h2::ping, 0, 0, "12345678"))), ""},
      {"SETTINGS without end", repeat(h2::empty_settings()), ""},
      {"the end of HTTP/1", say("HTTP/1.", close_at_once), ""},
  };
  for (const auto& one : cases) {
    const ConnectionRecord record = get(loop, HttpVersion::http2_prior_knowledge, one.behaviour);
    EXPECT_EQ(record.state, ConnectionState::failed) << one.what << ": " << record.reason;
    EXPECT_NE(record.reason.find(one.reason), std::string::npos) << one.what << ": " << record.reason;
    EXPECT_EQ(field(record, "http_version"), "(none)") << one.what;
  }
}

TEST(Http2, SilenceIsATimeout) {
  Loop loop;
  for (const std::string& first : {std::string(), h2::empty_settings(), std::string("HTTP")}) {
    const ConnectionRecord record = get(loop, HttpVersion::http2_prior_knowledge, say(first), 50ms);
    EXPECT_EQ(record.state, ConnectionState::timeout) << record.reason;
  }
}

TEST(Http2, ABodyThatNeverEndsChangesNothing) {
  Loop loop;
  const std::string head = h2::empty_settings() + h2::frame(h2::headers, h2::end_headers, 1, h2::status_200);
  const ConnectionRecord stalled = get(loop, HttpVersion::http2_prior_knowledge, say(head), 50ms);
  EXPECT_TRUE(stalled.ok()) << stalled.reason;
  const ConnectionRecord endless = get(loop, HttpVersion::http2_prior_knowledge,
                                       say(head, repeat(h2::frame(h2::data, 0, 1, std::string(1000, 'x')))));
  EXPECT_TRUE(endless.ok()) << endless.reason;
}

// --- by upgrade

TEST(Http2Upgrade, IsAskedForInHttp1) {
  Loop loop;
  std::string request;
  const auto note = [&](Server::Socket& socket) -> asio::awaitable<void> {
    char room[4096];
    while (!request.ends_with("\r\n\r\n")) {
      const std::size_t got = co_await socket.async_read_some(asio::buffer(room), asio::use_awaitable);
      request.append(room, got);
    }
    co_await asio::async_write(socket, asio::buffer(std::string_view(http1_answer)), asio::use_awaitable);
  };
  Server server(loop.io, note);
  const ConnectionRecord record = get(loop, HttpVersion::http2, server.port());
  EXPECT_TRUE(record.ok()) << record.reason;
  EXPECT_EQ(field(record, "http_version"), R"("1.1")") << "the upgrade was not taken up";
  EXPECT_EQ(request,
            "GET / HTTP/1.1\r\nHost: localhost:" + std::to_string(server.port()) +
                "\r\nUser-Agent: spiderling\r\nAccept: */*\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                "Upgrade: h2c\r\nHTTP2-Settings: " +
                Http2Answer::upgrade_settings() + "\r\n\r\n");
}

TEST(Http2Upgrade, TheAnswerComesInHttp2) {
  Loop loop;
  for (const std::size_t piece : {std::size_t{1}, switching.size(), std::size_t{1} << 20}) {
    const ConnectionRecord record = get(
        loop, HttpVersion::http2,
        say("HTTP/1.1 100 Continue\r\n\r\n" + switching + h2::answer(h2::status_404), say_nothing, piece));
    EXPECT_TRUE(record.ok()) << record.reason;
    EXPECT_EQ(field(record, "http_response_code"), "404");
    EXPECT_EQ(field(record, "http_version"), R"("2")");
  }
}

TEST(Http2Upgrade, After101OnlyHttp2Counts) {
  Loop loop;
  for (const std::string& rest :
       {std::string("garbage, and no frames at all"), std::string(http1_answer),
        h2::empty_settings() + h2::frame(h2::rst_stream, 0, 1, h2::big_endian(1, 4))}) {
    const ConnectionRecord record = get(loop, HttpVersion::http2, say(switching + rest));
    EXPECT_EQ(record.state, ConnectionState::failed) << rest;
    EXPECT_EQ(field(record, "http_version"), "(none)") << rest;
  }
  EXPECT_EQ(get(loop, HttpVersion::http2, say(switching, close_at_once)).state, ConnectionState::failed);
  EXPECT_EQ(get(loop, HttpVersion::http2, say(switching), 50ms).state, ConnectionState::timeout);
}

// --- over TLS

int choose_h2(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in, unsigned in_size,
              void* offered) {
  static_cast<std::string*>(offered)->assign(reinterpret_cast<const char*>(in), in_size);
  *out = in + 1;  // the first
  *size = in[0];
  return SSL_TLSEXT_ERR_OK;
}

TEST(Http2OverTls, IsOfferedBeforeHttp1AndSpokenIfChosen) {
  Loop loop;
  const Certificate certificate("DNS:localhost");
  std::string request, offered;
  const auto behaviour = [&](TlsServer::Stream& stream) -> asio::awaitable<void> {
    char room[4096];
    co_await stream.async_read_some(asio::buffer(room), asio::use_awaitable);
    const std::string bytes = h2::answer();
    co_await asio::async_write(stream, asio::buffer(bytes), asio::use_awaitable);
    for (;;) co_await stream.async_read_some(asio::buffer(room), asio::use_awaitable);
  };
  TlsServer server(loop.io, certificate, behaviour);
  SSL_CTX_set_alpn_select_cb(server.context(), choose_h2, &offered);
  const ConnectionRecord record = get(loop, HttpVersion::http2, server.port(), ConnectMode::https);
  EXPECT_TRUE(record.ok()) << record.reason;
  EXPECT_EQ(offered, "\x02h2\x08http/1.1");
  EXPECT_EQ(field(record, "tls_alpn"), R"("h2")");
  EXPECT_EQ(field(record, "http_version"), R"("2")");
}

TEST(Http2OverTls, WithoutAlpnHttp1IsSpoken) {
  Loop loop;
  const Certificate certificate("DNS:localhost");
  std::string request;
  TlsServer server(loop.io, certificate, answer_over_tls(http1_answer, request));
  for (const HttpVersion version : {HttpVersion::http2, HttpVersion::http2_prior_knowledge}) {
    const ConnectionRecord record = get(loop, version, server.port(), ConnectMode::https);
    EXPECT_TRUE(record.ok()) << record.reason;
    EXPECT_EQ(field(record, "tls_alpn"), "(none)");
    EXPECT_EQ(field(record, "http_version"), R"("1.1")");
    EXPECT_TRUE(request.starts_with("GET / HTTP/1.1\r\n")) << request;
    EXPECT_EQ(request.find("Upgrade"), std::string::npos);
    request.clear();
  }
}

}  // namespace
}  // namespace spiderling
