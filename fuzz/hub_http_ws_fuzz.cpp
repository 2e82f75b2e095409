// Whatever comes through a socket: HTTP, upgrades, frames, hellos, dumplings. The hub's side is the real one,
// the peer's a socket pair. An eater beside it must get well-formed frames, whatever happens, and nothing may
// stay behind.
//
// The first byte says how far the client gets by itself; the rest is what it sends then:
//   bits 0-1  0: nothing yet  1: upgraded  2: upgraded, hello sent  3: as 2, and the rest are frames:
//   [opcode, size, bytes] bit 2     port of kitchens or eaters bit 3     sent in small pieces bit 4     the
//   client reads nothing
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "hub/connection.h"
#include "websocket/frame.h"
#include "websocket/message_reader.h"

using namespace spiderling;

namespace {

constexpr std::string_view upgrade =
    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
constexpr MaskKey mask{1, 2, 3, 4};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "hub_http_ws_fuzz: %s\n", what);
  std::abort();
}

HubOptions small_options() {
  HubOptions options;
  options.max_message_bytes = 4096;
  options.eater_queue = {.dumplings = 50, .bytes = 64 << 10};
  return options;
}

class Client {
 public:
  Client(HubState& hub, HubPort port) : hub_(hub) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) std::abort();
    const int small = 4096;
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    socket_ = pair[1];
    Tcp::socket socket(hub.context);
    socket.assign(Tcp::v4(), pair[0]);
    connection_ = std::make_shared<Connection>(hub, std::move(socket), port);
    hub.add(connection_);
    connection_->start();
  }
  ~Client() {
    if (socket_ >= 0) close(socket_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(std::string_view bytes, bool reads = true) {
    for (int idle = 0; !bytes.empty() && idle < 3; ++idle) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) return;
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
        idle = -1;
      }
      hub_.context.poll();
      if (reads) read();
    }
  }
  void read() {
    char buffer[8192];
    for (ssize_t got = 0; (got = recv(socket_, buffer, sizeof buffer, 0)) > 0; hub_.context.poll()) {
      received.append(buffer, static_cast<std::size_t>(got));
    }
  }
  void hang_up() {
    close(socket_);
    socket_ = -1;
    for (int i = 0; i < 1000 && !connection_->gone(); ++i) {
      if (i > 0) usleep(1000);  // the machine is busy, and the kernel tells the hub a little later
      hub_.context.poll();
    }
  }
  const Connection& connection() const { return *connection_; }

  std::string received;

 private:
  HubState& hub_;
  int socket_ = -1;
  std::shared_ptr<Connection> connection_;
};

std::string text_frame(std::string_view text) {
  std::string out;
  append_masked_frame(out, Opcode::text, text, mask);
  return out;
}

// [opcode and final bit, size, bytes...] again and again.
std::string frames_of(std::string_view recipe) {
  std::string out;
  while (recipe.size() >= 2) {
    const auto first = static_cast<unsigned char>(recipe[0]);
    const std::size_t size = std::min<std::size_t>(static_cast<unsigned char>(recipe[1]), recipe.size() - 2);
    const std::size_t at = out.size();
    append_masked_frame(out, static_cast<Opcode>(first & 0x0f), recipe.substr(2, size), mask);
    if ((first & 0x80) != 0) out[at] = static_cast<char>(out[at] & 0x7f);
    recipe.remove_prefix(2 + size);
  }
  return out;
}

// A server's frames: no masks, no fragments, UTF-8.
void check_frames(std::string_view received) {
  const std::size_t end = received.find("\r\n\r\n");
  if (end == std::string_view::npos || !received.starts_with("HTTP/1.1 101")) return;
  MessageReader reader({.masked = false});
  reader.feed(received.substr(end + 4));
  while (reader.next()) {
  }
  if (reader.failed()) fail("what the hub sent is no stream of frames");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool quiet = [] {
    log::configure(log::Level::off, log::Format::text);
    return true;
  }();
  static_cast<void>(quiet);
  if (size == 0) return 0;
  const unsigned how = data[0];
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  HubState hub(small_options());
  Client eater(hub, HubPort::eaters);
  eater.send(std::string(upgrade) + text_frame(R"({"eater_name":"watches"})"));
  const HubPort port = (how & 4) != 0 ? HubPort::eaters : HubPort::kitchens;
  const bool reads = (how & 16) == 0;
  {
    Client client(hub, port);
    if ((how & 3) >= 1) client.send(upgrade);
    if ((how & 3) >= 2) client.send(text_frame(R"({"kitchen_name":"k","eater_name":"e","chefs":["C"]})"));
    const std::string frames = (how & 3) == 3 ? frames_of(input) : std::string();
    if ((how & 3) == 3) input = frames;
    const std::size_t piece = (how & 8) != 0 ? 7 : 65'536;
    for (; !input.empty(); input.remove_prefix(std::min(piece, input.size())))
      client.send(input.substr(0, piece), reads);
    hub.send_status();
    hub.context.poll();
    client.read();
    check_frames(client.received);
    client.hang_up();
    if (!client.connection().gone()) fail("a client hung up, and its connection stayed");
  }
  eater.read();
  check_frames(eater.received);
  if (!eater.connection().open()) fail("another client's connection was ended");
  eater.hang_up();
  if (!eater.connection().gone()) fail("the eater hung up, and its connection stayed");
  hub.sweep();
  if (!hub.connections().empty() || !hub.kitchens().empty() || !hub.eaters().empty() || !hub.names.empty()) {
    fail("something stayed behind");
  }
  return 0;
}
