#include "hub/protocol.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include <fmt/format.h>

namespace hub_bench {

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch() /
                                    std::chrono::nanoseconds(1));
}

std::string make_message() {
  std::string text =
      R"({"metadata": {"chef": "BenchChef", "kitchen": "bench", "creation_time": 1515990765.925951, )"
      R"("driver": "packet"}, "payload": {"when": ")";
  if (text.size() != time_offset) throw std::logic_error(fmt::format("time_offset is {}", text.size()));
  text.append(time_digits, '0').append(R"(", "filling": ")");
  text.append(message_bytes - text.size() - 3, 'x').append("\"}}");
  return text;
}

void put_time(char* message, std::uint64_t ns) {
  for (std::size_t i = time_digits; i-- > 0; ns /= 10)
    message[time_offset + i] = static_cast<char>('0' + ns % 10);
}

std::uint64_t read_time(const char* message) {
  std::uint64_t ns = 0;
  std::from_chars(message + time_offset, message + time_offset + time_digits, ns);
  return ns;
}

int connect_to(std::uint16_t port) {
  const int socket_number = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (socket_number < 0 ||
      connect(socket_number, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error(fmt::format("cannot connect to port {}: {}", port, std::strerror(errno)));
  }
  const int on = 1;
  setsockopt(socket_number, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket_number;
}

void send_all(int socket_number, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket_number, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) throw std::runtime_error(fmt::format("cannot send: {}", std::strerror(errno)));
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string receive_until(int socket_number, std::string_view mark) {
  std::string received;
  while (received.find(mark) == std::string::npos) {
    char byte = 0;  // one at a time: what follows the mark must stay in the socket
    const ssize_t got = recv(socket_number, &byte, 1, 0);
    if (got <= 0)
      throw std::runtime_error(fmt::format("the server closed the connection after '{}'", received));
    received += byte;
  }
  return received;
}

namespace {

std::uint8_t byte_at(std::string_view bytes, std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); }

class WebSocket final : public Protocol {
 public:
  // The receivers' port is the sender's and one.
  int connect_sender(std::uint16_t port) override {
    return open(port,
                R"({"kitchen_name":"bench","interface":"lo","filter":"","chefs":[],"poke_interval":5.0})");
  }
  int connect_receiver(std::uint16_t port, unsigned number) override {
    return open(static_cast<std::uint16_t>(port + 1), fmt::format(R"({{"eater_name":"eater {}"}})", number));
  }

  void encode(std::string& out, std::string_view message) override {
    key_ = key_ * 1664525u + 1013904223u;
    std::array<char, 4> key;
    std::memcpy(key.data(), &key_, 4);
    out += '\x81';
    if (message.size() < 126) {
      out += static_cast<char>(0x80 | message.size());
    } else {
      out += '\xfe';
      out += static_cast<char>(message.size() >> 8);
      out += static_cast<char>(message.size() & 0xff);
    }
    out.append(key.data(), key.size());
    const std::size_t start = out.size();
    out += message;
    // Eight bytes at once, so that the sender has time to send.
    const std::uint64_t wide = std::uint64_t{key_} << 32 | key_;
    std::size_t i = 0;
    for (; i + 8 <= message.size(); i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, out.data() + start + i, 8);
      word ^= wide;
      std::memcpy(out.data() + start + i, &word, 8);
    }
    for (; i < message.size(); ++i) out[start + i] = static_cast<char>(out[start + i] ^ key[i % 4]);
  }

  std::size_t parse(std::string_view bytes, std::string_view& message) const override {
    if (bytes.size() < 2) return 0;
    std::size_t header = 2;
    std::size_t payload = byte_at(bytes, 1);
    if (payload >= 126 && bytes.size() < 10) return 0;
    if (payload == 126) {
      payload = byte_at(bytes, 2) * 256u + byte_at(bytes, 3);
      header = 4;
    } else if (payload == 127) {
      payload = 0;
      for (std::size_t i = 2; i < 10; ++i) payload = payload << 8 | byte_at(bytes, i);
      header = 10;
    }
    if (bytes.size() < header + payload) return 0;
    if (payload == message_bytes) message = bytes.substr(header, payload);
    return header + payload;
  }
  // The hub's pings are empty.
  std::string_view answer(std::string_view packet) const override {
    return byte_at(packet, 0) == 0x89 ? std::string_view("\x8a\x80\0\0\0\0", 6) : std::string_view();
  }

 private:
  int open(std::uint16_t port, std::string_view hello) {
    const int connected = connect_to(port);
    send_all(
        connected,
        fmt::format("GET / HTTP/1.1\r\nHost: localhost:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                    port));
    const std::string response = receive_until(connected, "\r\n\r\n");
    if (!response.starts_with("HTTP/1.1 101")) throw std::runtime_error(response);
    std::string frame;
    encode(frame, hello);
    send_all(connected, frame);
    return connected;
  }

  std::uint32_t key_ = 1;
};

class Mqtt final : public Protocol {
 public:
  int connect_sender(std::uint16_t port) override { return open(port, "sender"); }
  int connect_receiver(std::uint16_t port, unsigned number) override {
    const int connected = open(port, fmt::format("receiver{}", number));
    const std::string topic("\0\5bench", 7);
    send_all(connected, packet('\x82', std::string("\0\1", 2) + topic + std::string("\0", 1)));
    expect(connected, '\x90', 5);
    return connected;
  }

  void encode(std::string& out, std::string_view message) override {
    out += '\x30';
    append_length(out, 7 + message.size());
    out.append("\0\5bench", 7);
    out += message;
  }

  std::size_t parse(std::string_view bytes, std::string_view& message) const override {
    std::size_t length = 0;
    std::size_t header = 1;
    for (unsigned shift = 0;; shift += 7) {
      if (header >= bytes.size()) return 0;
      const std::uint8_t digit = byte_at(bytes, header++);
      length |= std::size_t{digit & 0x7fu} << shift;
      if ((digit & 0x80) == 0) break;
    }
    if (bytes.size() < header + length) return 0;
    if ((byte_at(bytes, 0) & 0xf0) == 0x30 && length == message_bytes + 7)
      message = bytes.substr(header + 7, message_bytes);
    return header + length;
  }
  std::string_view answer(std::string_view) const override { return {}; }

 private:
  static void append_length(std::string& out, std::size_t length) {
    do {
      const auto digit = static_cast<char>(length & 0x7f);
      length >>= 7;
      out += length > 0 ? static_cast<char>(digit | '\x80') : digit;
    } while (length > 0);
  }
  static std::string packet(char type, std::string_view body) {
    std::string out(1, type);
    append_length(out, body.size());
    return out.append(body);
  }
  static void expect(int connected, char type, std::size_t bytes) {
    std::string received;
    for (char byte = 0; received.size() < bytes; received += byte) {
      if (recv(connected, &byte, 1, 0) != 1) throw std::runtime_error("the broker closed the connection");
    }
    if (received[0] != type) throw std::runtime_error("the broker answered with another packet");
  }
  static int open(std::uint16_t port, std::string_view client) {
    const int connected = connect_to(port);
    std::string body("\0\4MQTT\4\2\0\0", 10);  // version 3.1.1, clean session, no keep-alive
    body += '\0';
    body += static_cast<char>(client.size());
    body += client;
    send_all(connected, packet('\x10', body));
    expect(connected, '\x20', 4);
    return connected;
  }
};

class Nats final : public Protocol {
 public:
  int connect_sender(std::uint16_t port) override { return open(port, ""); }
  int connect_receiver(std::uint16_t port, unsigned) override { return open(port, "SUB bench 1\r\n"); }

  void encode(std::string& out, std::string_view message) override {
    fmt::format_to(std::back_inserter(out), "PUB bench {}\r\n", message.size());
    out += message;
    out += "\r\n";
  }

  std::size_t parse(std::string_view bytes, std::string_view& message) const override {
    const std::size_t line = bytes.find("\r\n");
    if (line == std::string_view::npos) return 0;
    if (!bytes.starts_with("MSG ")) return line + 2;
    const std::size_t space = bytes.rfind(' ', line);
    std::size_t payload = 0;
    std::from_chars(bytes.data() + space + 1, bytes.data() + line, payload);
    const std::size_t whole = line + 2 + payload + 2;
    if (bytes.size() < whole) return 0;
    if (payload == message_bytes) message = bytes.substr(line + 2, payload);
    return whole;
  }
  std::string_view answer(std::string_view packet) const override {
    return packet.starts_with("PING") ? "PONG\r\n" : std::string_view();
  }

 private:
  static int open(std::uint16_t port, std::string_view more) {
    const int connected = connect_to(port);
    receive_until(connected, "\r\n");  // INFO
    send_all(
        connected,
        fmt::format("CONNECT {{\"verbose\":false,\"pedantic\":false,\"echo\":false}}\r\n{}PING\r\n", more));
    receive_until(connected, "PONG\r\n");
    return connected;
  }
};

}  // namespace

std::unique_ptr<Protocol> Protocol::make(std::string_view name) {
  if (name == "ws") return std::make_unique<WebSocket>();
  if (name == "mqtt") return std::make_unique<Mqtt>();
  if (name == "nats") return std::make_unique<Nats>();
  return nullptr;
}

}  // namespace hub_bench
