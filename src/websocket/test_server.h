// A WebSocket server that a test drives step by step, with blocking calls; every wait has a generous
// deadline.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "websocket/message_reader.h"
#include "websocket/upgrade.h"

namespace spiderling::testing {

inline constexpr int deadline_seconds = 20;

inline void set_deadline(int fd) {
  const timeval deadline{deadline_seconds, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline);
}

/// The server's end of one connection.
class TestConnection {
 public:
  TestConnection(int fd, SSL_CTX* tls) : fd_(fd), reader_({.masked = true}) {
    set_deadline(fd_);
    if (tls == nullptr) return;
    ssl_.reset(SSL_new(tls));
    SSL_set_fd(ssl_.get(), fd_);
    tls_ok_ = SSL_accept(ssl_.get()) == 1;
  }
  ~TestConnection() {
    if (fd_ >= 0) ::close(fd_);
  }
  TestConnection(const TestConnection&) = delete;
  TestConnection& operator=(const TestConnection&) = delete;

  bool tls_ok() const { return tls_ok_; }

  /// The whole request; empty if none came.
  std::string read_request() {
    std::string request;
    char byte = 0;
    while (!request.ends_with("\r\n\r\n") && receive(&byte, 1) == 1) request += byte;
    return request;
  }
  /// Accepts an upgrade, and returns its request.
  std::string upgrade() {
    const std::string request = read_request();
    const std::string name = "Sec-WebSocket-Key: ";
    const auto at = request.find(name);
    if (at == std::string::npos) return request;
    const auto key = request.substr(at + name.size(), request.find("\r\n", at) - at - name.size());
    write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
        "Upgrade\r\nSec-WebSocket-Accept: " +
        websocket_accept(key) + "\r\n\r\n");
    return request;
  }

  struct Message {
    MessageReader::Kind kind;
    std::string payload;
  };
  /// The next message, or close frame. Pings are answered, unless answer_pings is off.
  std::optional<Message> read() {
    for (;;) {
      while (reader_.next()) {
        const Message message{reader_.kind(), std::string(reader_.payload())};
        if (message.kind != MessageReader::Kind::ping) return message;
        if (answer_pings) send(Opcode::pong, message.payload);
      }
      if (reader_.failed()) return std::nullopt;
      const auto room = reader_.prepare();
      const auto bytes = receive(room.data(), room.size());
      if (bytes <= 0) return std::nullopt;
      reader_.commit(static_cast<std::size_t>(bytes));
    }
  }
  std::string read_text() {
    const auto message = read();
    return message && message->kind == MessageReader::Kind::text ? message->payload : "(no text)";
  }
  /// The code of the close frame that comes next; 0 if something else does.
  std::uint16_t read_close() {
    const auto message = read();
    std::uint16_t code = 0;
    std::string_view reason;
    if (message && message->kind == MessageReader::Kind::close) parse_close(message->payload, code, reason);
    return code;
  }

  void send(Opcode opcode, std::string_view payload) {
    std::string frame;
    append_frame(frame, opcode, payload);
    write(frame);
  }
  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ssl_ ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                             : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// Ends it as a killed process does with unread input: with a reset.
  void reset() {
    const linger at_once{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(fd_);
    fd_ = -1;
  }

  bool answer_pings = true;

 private:
  ssize_t receive(char* bytes, std::size_t size) {
    return ssl_ ? SSL_read(ssl_.get(), bytes, static_cast<int>(size)) : ::recv(fd_, bytes, size, 0);
  }

  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  int fd_;
  std::unique_ptr<SSL, Free> ssl_;
  bool tls_ok_ = true;
  MessageReader reader_;
};

/// Listens on a free port of the loopback address.
class TestServer {
 public:
  explicit TestServer(std::uint16_t port = 0, SSL_CTX* tls = nullptr) : tls_(tls) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    set_deadline(fd_);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(fd_, 16), 0);
    socklen_t size = sizeof address;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~TestServer() { ::close(fd_); }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  std::uint16_t port() const { return port_; }
  Endpoint endpoint() const { return {"127.0.0.1", port_, tls_ != nullptr}; }

  /// The next connection; a test failure if none comes.
  std::unique_ptr<TestConnection> accept() {
    const int fd = ::accept(fd_, nullptr, nullptr);
    EXPECT_GE(fd, 0) << "no connection came";
    return std::make_unique<TestConnection>(fd, tls_);
  }

 private:
  SSL_CTX* tls_;
  int fd_;
  std::uint16_t port_ = 0;
};

}  // namespace spiderling::testing
