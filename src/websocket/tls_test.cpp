#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "websocket/reconnecting_client.h"
#include "websocket/test_certificate.h"
#include "websocket/test_server.h"

namespace spiderling {
namespace {

using spiderling::testing::TestCertificate;
using spiderling::testing::TestServer;
using ::testing::HasSubstr;

struct Outcome {
  std::string problem;   // why no connection came about
  std::string received;  // what the server got
  bool handshake = false;
};

// A client connects once, as this host, trusting this file, and sends "hello".
Outcome connect(const TestCertificate& certificate, const std::string& host, const std::string& ca_file) {
  TestServer server(0, certificate.server());
  Outcome outcome;
  ClientOptions options;
  options.endpoint = {host, server.port(), true};
  options.tls.ca_file = ca_file;
  options.hello = "hello";
  ReconnectingClient client(options, {.retry_first = false, .retry = false},
                            {.on_failed = [&](const std::string& problem, std::chrono::milliseconds) {
                              outcome.problem = problem;
                            }});
  std::thread runner([&] { client.run(); });
  {
    const auto peer = server.accept();
    outcome.handshake = peer->tls_ok();
    if (peer->tls_ok() && !peer->upgrade().empty()) {
      outcome.received = peer->read_text();
      peer->send(Opcode::text, std::string(100'000, 'x'));
      peer->send(Opcode::close, close_payload(1000, ""));
      EXPECT_EQ(peer->read_close(), 1000);
    }
  }
  runner.join();
  return outcome;
}

TEST(Tls, TrustedByCaFile) {
  const TestCertificate certificate("DNS:localhost,IP:127.0.0.1");
  for (const char* host : {"localhost", "127.0.0.1"}) {
    const Outcome outcome = connect(certificate, host, certificate.path());
    EXPECT_EQ(outcome.problem, "");
    EXPECT_EQ(outcome.received, "hello");
  }
}

TEST(Tls, UnknownAuthority) {
  const TestCertificate certificate("DNS:localhost"), other("DNS:localhost");
  EXPECT_THAT(connect(certificate, "localhost", "").problem, HasSubstr("--ca-file"));
  EXPECT_THAT(connect(certificate, "localhost", other.path()).problem, HasSubstr("not accepted"));
}

TEST(Tls, CertificateForAnotherHost) {
  const TestCertificate certificate("DNS:other.example,IP:127.0.0.2");
  EXPECT_THAT(connect(certificate, "localhost", certificate.path()).problem, HasSubstr("hostname mismatch"));
  EXPECT_THAT(connect(certificate, "127.0.0.1", certificate.path()).problem,
              HasSubstr("IP address mismatch"));
}

TEST(Tls, CertificateThatHasExpired) {
  const TestCertificate certificate("DNS:localhost", -7200, -3600);
  EXPECT_THAT(connect(certificate, "localhost", certificate.path()).problem, HasSubstr("expired"));
}

TEST(Tls, CaFileThatIsNone) {
  const TestCertificate certificate("DNS:localhost");
  EXPECT_THAT(connect(certificate, "localhost", "/no/such/file").problem, HasSubstr("/no/such/file"));
}

TEST(Tls, ServerWithoutTls) {
  TestServer server;
  std::string problem;
  ClientOptions options;
  options.endpoint = {"127.0.0.1", server.port(), true};
  ReconnectingClient client(
      options, {.retry_first = false, .retry = false},
      {.on_failed = [&](const std::string& why, std::chrono::milliseconds) { problem = why; }});
  std::thread runner([&] { client.run(); });
  server.accept()->write("HTTP/1.1 400 Bad Request\r\n\r\n");
  runner.join();
  EXPECT_THAT(problem, HasSubstr("did not start TLS"));
}

}  // namespace
}  // namespace spiderling
