// For tests of live capture: a network namespace that the test makes, so that nothing of the machine's own is
// touched, and packets to send in it.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <thread>

#include "capture/file_descriptor.h"
#include "capture/test_traces.h"

namespace spiderling {

inline constexpr std::chrono::seconds patience{20};

inline bool run(const std::string& command) { return std::system((command + " 2>/dev/null").c_str()) == 0; }

/// Runs each test's body in a thread with a network namespace of its own, which is gone when the thread and
/// its sockets are: also when the test is killed.
class Live : public testing::Test {
 protected:
  void in_namespace(const std::function<void()>& body) {
    std::string skipped;
    std::thread([&] {
      if (::unshare(CLONE_NEWNET) != 0) {
        if (errno != EPERM) return ADD_FAILURE() << "no network namespace: " << std::strerror(errno);
        skipped = "needs root to make a network namespace, run the tests with sudo to cover live capture";
      } else if (!run("ip -Version >/dev/null")) {
        skipped = "needs the program ip (package iproute2) to cover live capture";
      } else if (!run("ip link set lo up")) {
        ADD_FAILURE() << "the loopback of a new network namespace cannot be set up";
      } else {
        body();
      }
    }).join();
    if (!skipped.empty()) GTEST_SKIP() << "SKIPPED: " << skipped;
  }
};

inline std::unique_ptr<Source> open_or_fail(const std::string& name, const SourceOptions& options = {}) {
  auto source = Source::open(name, options);
  if (source) return std::move(*source);
  ADD_FAILURE() << source.error().message;
  return nullptr;
}

/// Reads until `enough` says so or patience ends.
template <class Enough>
std::vector<SeenFrame> read_until(FrameStream& stream, Enough enough) {
  std::vector<SeenFrame> seen;
  std::array<Frame, 64> room;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!enough(seen) && std::chrono::steady_clock::now() < deadline) {
    const auto batch = stream.next(room, std::chrono::milliseconds(100));
    if (batch.state == StreamState::ended) break;
    for (const Frame& frame : std::span(room).first(batch.count)) seen.emplace_back(frame);
  }
  EXPECT_TRUE(enough(seen)) << seen.size() << " frames came";
  return seen;
}
inline auto at_least(std::size_t count) {
  return [count](const std::vector<SeenFrame>& seen) { return seen.size() >= count; };
}

/// What is left after stop().
inline std::vector<SeenFrame> rest_of(Source& source, std::size_t shard = 0) {
  source.stop();
  return read_all(source.stream(shard));
}

inline void send_udp(const char* address, std::uint16_t port, const ByteVector& payload, int times = 1) {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM, 0));
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  ::inet_pton(AF_INET, address, &to.sin_addr);
  for (int i = 0; i < times; ++i)
    EXPECT_EQ(static_cast<ssize_t>(payload.size()), ::sendto(socket.get(), payload.data(), payload.size(), 0,
                                                             reinterpret_cast<sockaddr*>(&to), sizeof to));
}

/// Puts frames onto a link as they are.
class Injector {
 public:
  explicit Injector(const char* interface) : socket_(::socket(AF_PACKET, SOCK_RAW, 0)) {
    to_.sll_family = AF_PACKET;
    to_.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
    to_.sll_halen = 6;
  }
  void send(const ByteVector& frame) {
    to_.sll_protocol = static_cast<std::uint16_t>(frame[12] | frame[13] << 8);
    EXPECT_EQ(static_cast<ssize_t>(frame.size()), ::sendto(socket_.get(), frame.data(), frame.size(), 0,
                                                           reinterpret_cast<sockaddr*>(&to_), sizeof to_))
        << std::strerror(errno);
  }

 private:
  FileDescriptor socket_;
  sockaddr_ll to_ = {};
};

/// So that nothing is on a link but what the test puts there. Of this namespace; a kernel without IPv6 needs
/// none.
inline void quiet_ipv6(const std::string& interface) {
  std::ofstream("/proc/sys/net/ipv6/conf/" + interface + "/disable_ipv6") << 1;
}

inline bool make_veth() {
  quiet_ipv6("default");
  return run("ip link add v0 type veth peer name v1") && run("ip link set v0 up") && run("ip link set v1 up");
}

inline void append(ByteVector& bytes, const ByteVector& more) {
  for (const std::uint8_t byte : more) bytes.push_back(byte);
}

inline ByteVector ethernet(std::uint16_t type, const ByteVector& payload, const ByteVector& tags = {}) {
  ByteVector frame = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
  append(frame, tags);
  frame.push_back(static_cast<std::uint8_t>(type >> 8));
  frame.push_back(static_cast<std::uint8_t>(type));
  append(frame, payload);
  return frame;
}

/// An address by number, of either version.
inline ByteVector address(bool v6, unsigned number) {
  const auto low = static_cast<std::uint8_t>(number);
  const auto high = static_cast<std::uint8_t>(number >> 8);
  if (!v6) return {10, 1, high, low};
  return {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, high, low};
}

inline ByteVector ip_packet(bool v6, unsigned from, unsigned to, std::uint8_t protocol,
                            const ByteVector& payload, std::uint16_t fragment = 0) {
  ByteVector packet;
  ByteVector body = payload;
  if (v6) {
    if (fragment != 0) {
      // The first fragment and its offset bits are the same in both versions but for their place.
      const auto field =
          static_cast<std::uint16_t>(((fragment & 0x1fff) << 3) | ((fragment & 0x2000) != 0 ? 1 : 0));
      ByteVector header = {
          protocol, 0, static_cast<std::uint8_t>(field >> 8), static_cast<std::uint8_t>(field), 0, 0, 0, 7};
      append(header, body);
      body = header;
      protocol = 44;
    }
    packet = {0x60,
              0,
              0,
              0,
              static_cast<std::uint8_t>(body.size() >> 8),
              static_cast<std::uint8_t>(body.size()),
              protocol,
              64};
  } else {
    const std::size_t length = 20 + body.size();
    packet = {0x45,
              0,
              static_cast<std::uint8_t>(length >> 8),
              static_cast<std::uint8_t>(length),
              0,
              7,
              static_cast<std::uint8_t>(fragment >> 8),
              static_cast<std::uint8_t>(fragment),
              64,
              protocol,
              0,
              0};
  }
  for (const unsigned end : {from, to}) {
    const ByteVector bytes = address(v6, end);
    append(packet, bytes);
  }
  append(packet, body);
  return packet;
}

}  // namespace spiderling
