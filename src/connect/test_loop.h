// An event loop for a test, and what it measures against.
#pragma once

#include <arpa/inet.h>
#include <dirent.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/boost_asio.h"
#include "base/file_descriptor.h"
#include "connect/connect_context.h"
#include "connect/socket_address.h"

namespace spiderling::testing {

/// Long enough for the slowest machine: reached only when something is wrong.
inline constexpr std::chrono::seconds patience{30};

inline Deadline in(std::chrono::milliseconds time) { return std::chrono::steady_clock::now() + time; }
inline Deadline patiently() { return in(patience); }

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* const folder = ::opendir("/proc/self/fd");
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

inline IpAddress address(const char* text) { return *IpAddress::parse(text); }

/// A socket that listens on a free port. Connections wait in its backlog until they are accepted.
class Listener {
 public:
  explicit Listener(const IpAddress& at = address("127.0.0.1"), int backlog = 4096, std::uint16_t port = 0)
      : socket_(::socket(socket_family(at.version), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int yes = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    const SocketAddress wanted(at, port);
    EXPECT_EQ(::bind(socket_.get(), wanted.get(), wanted.size()), 0);
    EXPECT_EQ(::listen(socket_.get(), backlog), 0);
    SocketAddress got;
    ::getsockname(socket_.get(), got.room(), got.room_size());
    port_ = got.port();
  }
  std::uint16_t port() const { return port_; }
  int descriptor() const { return socket_.get(); }
  int release() { return socket_.release(); }

 private:
  FileDescriptor socket_;
  std::uint16_t port_ = 0;
};

/// A listener whose backlog is full, as tcp(7) has it: it drops SYNs, and nothing comes back.
class SilentListener {
 public:
  SilentListener() : listener_(address("127.0.0.1"), 0) {
    const SocketAddress there(address("127.0.0.1"), listener_.port());
    EXPECT_EQ(::connect(filler_.get(), there.get(), there.size()), 0);
    const Deadline last = patiently();
    while (!is_full() && std::chrono::steady_clock::now() < last) ::usleep(100);
    EXPECT_TRUE(is_full());
  }
  std::uint16_t port() const { return listener_.port(); }

 private:
  // For a listener the kernel tells in these the length of its queue, and the limit.
  bool is_full() const {
    tcp_info info{};
    socklen_t size = sizeof info;
    ::getsockopt(listener_.descriptor(), IPPROTO_TCP, TCP_INFO, &info, &size);
    return info.tcpi_unacked > info.tcpi_sacked;
  }

  Listener listener_;
  FileDescriptor filler_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
};

/// An event loop with what connections share.
struct Loop {
  explicit Loop(PortRange ports = {20'000, 29'999}) { use({.ports = ports}); }
  void use(ConnectOptions options) {
    auto made = ConnectContext::make(io, std::move(options));
    ASSERT_TRUE(made) << made.error().message;
    shared = *made;
  }

  boost::asio::io_context io{1};
  std::shared_ptr<ConnectContext> shared;

  /// Runs until the coroutine has ended; its result.
  template <class T>
  T run(boost::asio::awaitable<T> work) {
    std::optional<T> result;
    boost::asio::co_spawn(io, std::move(work), [&](std::exception_ptr failure, T value) {
      if (failure) std::rethrow_exception(failure);
      result.emplace(std::move(value));
    });
    run_until([&] { return result.has_value(); });
    return result ? std::move(*result) : T{};
  }
  template <class Condition>
  void run_until(Condition done) {
    const Deadline last = patiently();
    io.restart();
    while (!done() && std::chrono::steady_clock::now() < last) io.run_one_for(std::chrono::milliseconds(100));
    EXPECT_TRUE(done()) << "it took too long";
  }
};

}  // namespace spiderling::testing
