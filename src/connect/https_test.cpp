// TLS, and HTTP inside it, through the connector.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <boost/json/serialize.hpp>

#include "connect/connector.h"
#include "connect/test_certificate.h"
#include "connect/test_server.h"

namespace spiderling {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace testing;

constexpr const char* ok_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

ConnectionRecord get(Loop& loop, std::uint16_t port, std::string domain, Deadline deadline = patiently()) {
  Job job;
  job.dip = address("127.0.0.1");
  job.domain = std::move(domain);
  const auto work = [&]() -> asio::awaitable<ConnectionRecord> {
    Connector connector(loop.shared, ConnectMode::https, job, port);
    if (Outcome ready = connector.prepare({}, 0); !ready.ok()) co_return connector.record_of(ready);
    ConnectionRecord record = co_await connector.run(deadline);
    connector.end();
    co_return record;
  };
  return loop.run(work());
}

std::string field(const ConnectionRecord& record, std::string_view wanted) {
  for (const auto& [name, value] : record.fields)
    if (name == wanted) return boost::json::serialize(value);
  return "(none)";
}

TEST(Https, AsksInsideTls) {
  Loop loop;
  const Certificate certificate("DNS:localhost");
  std::string request;
  TlsServer server(loop.io, certificate, answer_over_tls(ok_answer, request));
  const ConnectionRecord record = get(loop, server.port(), "localhost");
  EXPECT_TRUE(record.ok()) << record.reason;
  EXPECT_EQ(field(record, "http_response_code"), "200");
  EXPECT_EQ(field(record, "tls_version"), R"("TLSv1.3")");
  EXPECT_EQ(request, "GET / HTTP/1.1\r\nHost: localhost:" + std::to_string(server.port()) +
                         "\r\nUser-Agent: spiderling\r\nAccept: */*\r\nConnection: close\r\n\r\n");
}

TEST(Https, TellsOlderVersions) {
  Loop loop;
  const Certificate certificate("DNS:localhost");
  std::string request;
  TlsServer server(loop.io, certificate, answer_over_tls(ok_answer, request));
  SSL_CTX_set_max_proto_version(server.context(), TLS1_2_VERSION);
  EXPECT_EQ(field(get(loop, server.port(), "localhost"), "tls_version"), R"("TLSv1.2")");
  SSL_CTX_set_security_level(server.context(), 0);
  SSL_CTX_set_min_proto_version(server.context(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(server.context(), TLS1_VERSION);
  const ConnectionRecord record = get(loop, server.port(), "localhost");
  EXPECT_TRUE(record.ok()) << record.reason;
  EXPECT_EQ(field(record, "tls_version"), R"("TLSv1")");
}

struct Asked {
  std::string name = "(no name)";
  std::string protocols;
};

int note_name(SSL* ssl, int*, void* asked) {
  if (const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name))
    static_cast<Asked*>(asked)->name = name;
  return SSL_TLSEXT_ERR_OK;
}
int note_protocols(SSL*, const unsigned char**, unsigned char*, const unsigned char* in, unsigned size,
                   void* asked) {
  static_cast<Asked*>(asked)->protocols.assign(reinterpret_cast<const char*>(in), size);
  return SSL_TLSEXT_ERR_NOACK;
}
void note(SSL_CTX* context, Asked& asked) {
  // As SSL_CTX_set_tlsext_servername_callback() and _arg(), macros with casts of C's.
  SSL_CTX_callback_ctrl(context, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, reinterpret_cast<void (*)()>(note_name));
  SSL_CTX_ctrl(context, SSL_CTRL_SET_TLSEXT_SERVERNAME_ARG, 0, &asked);
  SSL_CTX_set_alpn_select_cb(context, note_protocols, &asked);
}

TEST(Https, SendsTheDomainAsServerNameAndHttp11AsProtocol) {
  Loop loop;
  const Certificate certificate("DNS:localhost");
  std::string request;
  TlsServer server(loop.io, certificate, answer_over_tls(ok_answer, request));
  Asked with_name, without_name;
  note(server.context(), with_name);
  EXPECT_TRUE(get(loop, server.port(), "www.example.org.").ok());
  EXPECT_EQ(with_name.name, "www.example.org");
  EXPECT_EQ(with_name.protocols, "\x08http/1.1");
  note(server.context(), without_name);
  EXPECT_TRUE(get(loop, server.port(), "").ok());
  EXPECT_EQ(without_name.name, "(no name)");
}

TEST(Https, VerifiesOnlyIfToldTo) {
  Loop loop;
  const Certificate trusted("DNS:localhost,IP:127.0.0.1"), other("DNS:localhost");
  std::string request;
  TlsServer server(loop.io, trusted, answer_over_tls(ok_answer, request));
  EXPECT_TRUE(get(loop, server.port(), "another.example").ok());

  loop.use({.ports = {20'000, 29'999}, .tls = {.verify = true, .ca_file = trusted.path()}});
  EXPECT_TRUE(get(loop, server.port(), "localhost").ok());
  EXPECT_TRUE(get(loop, server.port(), "").ok());
  const ConnectionRecord wrong_name = get(loop, server.port(), "another.example");
  EXPECT_EQ(wrong_name.state, ConnectionState::failed);
  EXPECT_EQ(wrong_name.reason, "TLS: certificate not accepted: hostname mismatch");

  loop.use({.ports = {20'000, 29'999}, .tls = {.verify = true, .ca_file = other.path()}});
  const ConnectionRecord unknown = get(loop, server.port(), "localhost");
  EXPECT_EQ(unknown.state, ConnectionState::failed);
  EXPECT_TRUE(unknown.reason.starts_with("TLS: certificate not accepted: self")) << unknown.reason;

  const auto made = ConnectContext::make(loop.io, {.tls = {.verify = true, .ca_file = "/nonexistent.pem"}});
  ASSERT_FALSE(made);
  EXPECT_TRUE(made.error().message.starts_with("cannot read certificates from '/nonexistent.pem'"));
}

TEST(Https, WhatIsNoTlsFails) {
  Loop loop;
  const auto failure = [&](Server::Behaviour behaviour) {
    Server server(loop.io, std::move(behaviour));
    const ConnectionRecord record = get(loop, server.port(), "localhost");
    EXPECT_EQ(record.state, ConnectionState::failed);
    EXPECT_EQ(field(record, "tls_version"), "(none)");
    return record.reason;
  };
  // All of the hello is read first, else a close is a reset.
  const auto say = [](std::string bytes, Server::Behaviour then) -> Server::Behaviour {
    return
        [bytes = std::move(bytes), then = std::move(then)](Server::Socket& socket) -> asio::awaitable<void> {
          std::vector<char> hello(1 << 14);
          co_await socket.async_read_some(asio::buffer(hello), asio::use_awaitable);
          co_await asio::async_write(socket, asio::buffer(bytes), asio::use_awaitable);
          co_await then(socket);
        };
  };
  const std::string alert("\x15\x03\x03\x00\x02\x02\x28", 7);  // fatal, handshake_failure
  EXPECT_EQ(failure(say("HTTP/1.1 400 Bad Request\r\n\r\n", say_nothing)), "TLS: wrong version number");
  EXPECT_EQ(failure(say(alert, say_nothing)), "TLS: sslv3 alert handshake failure");
  EXPECT_EQ(failure(repeat(std::string(1000, 'x'))), "TLS: wrong version number");
  EXPECT_EQ(failure(say("\x16", close_at_once)), "closed during the TLS handshake");
  EXPECT_EQ(failure(say("", close_at_once)), "closed during the TLS handshake");
  EXPECT_EQ(failure([](Server::Socket& socket) -> asio::awaitable<void> {
              send_reset(socket);
              co_return;
            }),
            "connection reset");
}

TEST(Https, SilenceBeforeOrInsideTlsIsATimeout) {
  Loop loop;
  Server silent(loop.io, say_nothing);
  EXPECT_EQ(get(loop, silent.port(), "localhost", in(100ms)).state, ConnectionState::timeout);

  const Certificate certificate("DNS:localhost");
  TlsServer secured(loop.io, certificate, [](TlsServer::Stream& stream) -> asio::awaitable<void> {
    char room[4096];
    for (;;) co_await stream.async_read_some(asio::buffer(room), asio::use_awaitable);
  });
  const ConnectionRecord record = get(loop, secured.port(), "localhost", in(500ms));
  EXPECT_EQ(record.state, ConnectionState::timeout);
}

TEST(Https, GarbageInsideTlsFails) {
  Loop loop;
  const Certificate certificate("DNS:localhost");
  std::string request;
  TlsServer server(loop.io, certificate, answer_over_tls("what?\r\n", request));
  const ConnectionRecord record = get(loop, server.port(), "localhost");
  EXPECT_EQ(record.state, ConnectionState::failed);
  EXPECT_EQ(record.reason, "the answer is no HTTP/1");
  EXPECT_EQ(field(record, "tls_version"), R"("TLSv1.3")");
}

TEST(Https, ABodyWithoutEndIsLeftAtTheLimit) {
  Loop loop;
  const Certificate certificate("DNS:localhost");
  TlsServer server(loop.io, certificate, [](TlsServer::Stream& stream) -> asio::awaitable<void> {
    std::string bytes = "HTTP/1.1 200 OK\r\n\r\n" + std::string(10'000, 'x');
    for (;;) co_await asio::async_write(stream, asio::buffer(bytes), asio::use_awaitable);
  });
  const ConnectionRecord record = get(loop, server.port(), "localhost");
  EXPECT_TRUE(record.ok()) << record.reason;
  EXPECT_EQ(field(record, "http_response_code"), "200");
}

TEST(Https, NothingIsLeftWhereverItIsEnded) {
  const std::size_t before = open_descriptors();
  {
    Loop loop;
    const Certificate certificate("DNS:localhost");
    Server silent(loop.io, say_nothing);
    int secured = 0;
    TlsServer server(loop.io, certificate, [&](TlsServer::Stream& stream) -> asio::awaitable<void> {
      ++secured;
      char room[4096];
      for (;;) co_await stream.async_read_some(asio::buffer(room), asio::use_awaitable);
    });
    Job job;
    job.dip = address("127.0.0.1");
    const auto work = [&](std::uint16_t port) -> asio::awaitable<void> {
      Connector connector(loop.shared, ConnectMode::https, job, port);
      EXPECT_TRUE(connector.prepare({}, 0).ok());
      co_await connector.run(patiently());
      ADD_FAILURE() << "nobody answered";
    };
    for (int i = 0; i < 10; ++i) {
      asio::co_spawn(loop.io, work(silent.port()), asio::detached);
      asio::co_spawn(loop.io, work(server.port()), asio::detached);
    }
    loop.run_until([&] { return secured == 10 && silent.accepted() == 10; });
    loop.shared.reset();
  }
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace spiderling
