#include "connect/forged_packet.h"

#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "connect/socket_address.h"
#include "host/capabilities.h"
#include "host/namespaces.h"
#include "spiderling/builder.h"

namespace spiderling {
namespace {

using ByteVector = std::vector<std::uint8_t>;
constexpr const char* loopbacks[] = {"127.0.0.1", "::1"};
constexpr std::uint16_t server_port = 5353;

/// Each body runs in a thread that is in a network namespace of its own: only its loopback is there.
class ForgedPacketTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_capability(Capability::sys_admin) || !has_capability(Capability::net_raw))
      GTEST_SKIP() << "SKIPPED: needs root, run the tests with sudo to cover forged packets";
  }
  void in_namespace(const std::function<void(std::shared_ptr<ConnectContext>)>& body) {
    std::thread([&] {
      const auto made = NetworkNamespace::make();
      ASSERT_TRUE(made) << made.error().message;
      ASSERT_TRUE(made->enter());
      boost::asio::io_context io(1);
      body(*ConnectContext::make(io, {}));
    }).join();
  }
};

/// What is on the loopback's wire.
class Wire {
 public:
  Wire() : socket_(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL))) {
    EXPECT_TRUE(socket_) << std::strerror(errno);
  }
  /// The next packet of this protocol; empty after half a minute.
  ByteVector next(std::uint8_t protocol) {
    ByteVector packet(70'000);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < until) {
      pollfd ready{socket_.get(), POLLIN, 0};
      if (::poll(&ready, 1, 1000) <= 0) continue;
      packet.resize(70'000);
      const ssize_t size = ::recv(socket_.get(), packet.data(), packet.size(), 0);
      if (size < 28) continue;
      packet.resize(static_cast<std::size_t>(size));
      if (packet[packet[0] >> 4 == 4 ? 9 : 6] == protocol) return packet;
    }
    ADD_FAILURE() << "nothing came";
    return {};
  }

 private:
  FileDescriptor socket_;
};

class Server {
 public:
  explicit Server(const IpAddress& address, int type = SOCK_DGRAM)
      : socket_(::socket(socket_family(address.version), type | SOCK_CLOEXEC, 0)) {
    const SocketAddress local(address, server_port);
    EXPECT_EQ(::bind(socket_.get(), local.get(), local.size()), 0) << std::strerror(errno);
    const timeval patience{30, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  std::string receive() {
    char room[2000];
    SocketAddress from;
    const ssize_t size = ::recvfrom(socket_.get(), room, sizeof room, 0, from.room(), from.room_size());
    EXPECT_GE(size, 0) << std::strerror(errno);
    peer_ = from;
    return {room, size < 0 ? 0 : static_cast<std::size_t>(size)};
  }
  const SocketAddress& peer() const { return peer_; }
  int get() const { return socket_.get(); }

 private:
  FileDescriptor socket_;
  SocketAddress peer_;
};

struct Unusual {
  bool zero_checksum = false;
};

ByteVector udp_packet(const ConnectionEnds& e, const Unusual& unusual = {}, std::size_t size = 4) {
  PacketBuffer<4000> buffer;
  if (e.dip.version == IpVersion::v6) {
    buffer.ip6({.source = e.sip, .destination = e.dip, .dscp = 46, .ecn = Ecn::ce, .flow_label = 0xabcde});
  } else {
    buffer.ip4({.source = e.sip,
                .destination = e.dip,
                .dscp = 46,
                .ecn = Ecn::ce,
                .identification = 0x1234,
                .reserved_flag = true,
                .ttl = 7});
  }
  buffer
      .udp({.source_port = e.sp,
            .destination_port = e.dp,
            .checksum = unusual.zero_checksum ? std::optional<std::uint16_t>(0) : std::nullopt})
      .fill(size, 'x');
  const auto bytes = buffer.finish();
  EXPECT_TRUE(bytes);
  return {bytes->begin(), bytes->end()};
}

TEST_F(ForgedPacketTest, LeavesAsItWasForged) {
  in_namespace([](const std::shared_ptr<ConnectContext>& shared) {
    for (const char* text : loopbacks) {
      for (const bool zero_checksum : {false, true}) {
        const IpAddress target = *IpAddress::parse(text);
        Wire wire;
        Server server(target);
        ForgedPacket packet(shared);
        const Outcome reserved = packet.reserve(target, server_port, IpProtocol::udp, {}, 0);
        ASSERT_TRUE(reserved.ok()) << reserved.reason;
        const ByteVector bytes = udp_packet(packet.ends(), {zero_checksum});
        ASSERT_TRUE(packet.load(bytes).ok());
        const auto sent = packet.send();
        ASSERT_TRUE(sent && sent->ok()) << (sent ? sent->reason : "no room");
        EXPECT_EQ(wire.next(17), bytes) << text << ": every bit of it";
        if (!zero_checksum || target.version == IpVersion::v4) {
          EXPECT_EQ(server.receive(), "xxxx");
          EXPECT_EQ(server.peer().port(), packet.ends().sp);
        }
      }
    }
  });
}

TEST_F(ForgedPacketTest, ASynOfOurOwnIsAnswered) {
  in_namespace([](const std::shared_ptr<ConnectContext>& shared) {
    for (const char* text : loopbacks) {
      const IpAddress target = *IpAddress::parse(text);
      Wire wire;
      Server server(target, SOCK_STREAM);
      ASSERT_EQ(::listen(server.get(), 5), 0);
      ForgedPacket packet(shared);
      ASSERT_TRUE(packet.reserve(target, server_port, IpProtocol::tcp, {}, 0).ok());
      const ConnectionEnds& e = packet.ends();
      PacketBuffer<100> buffer;
      if (target.version == IpVersion::v6) {
        buffer.ip6({.source = e.sip, .destination = e.dip});
      } else {
        buffer.ip4({.source = e.sip, .destination = e.dip, .identification = 7});
      }
      // AccECN's SYN, which no socket of this kernel sends.
      buffer.tcp({.source_port = e.sp,
                  .destination_port = e.dp,
                  .flags = tcp_flag::syn | tcp_flag::ece | tcp_flag::cwr,
                  .reserved = 1});
      const auto bytes = buffer.finish();
      ASSERT_TRUE(packet.load({bytes->begin(), bytes->end()}).ok());
      ASSERT_TRUE(packet.send()->ok());
      EXPECT_EQ(wire.next(6), ByteVector(bytes->begin(), bytes->end()));
      const std::size_t tcp = target.version == IpVersion::v6 ? 40 : 20;
      ByteVector answer = wire.next(6);  // each packet passes the loopback twice: out and in
      while (!answer.empty() && answer.size() > tcp + 13 && answer[tcp + 13] != 0x12 &&
             answer[tcp + 13] != 0x52) {
        answer = wire.next(6);
      }
      EXPECT_FALSE(answer.empty()) << "a SYN/ACK";
    }
  });
}

// An ICMP error would come back as ECONNREFUSED to the server's next packet.
TEST_F(ForgedPacketTest, AnswersEndAtThePortAndNobodyElseGetsIt) {
  in_namespace([](const std::shared_ptr<ConnectContext>& shared) {
    for (const char* text : loopbacks) {
      const IpAddress target = *IpAddress::parse(text);
      Server server(target);
      ForgedPacket packet(shared);
      ASSERT_TRUE(packet.reserve(target, server_port, IpProtocol::udp, {}, 0).ok());
      const SocketAddress local(packet.ends().sip, packet.ends().sp);
      const FileDescriptor other(::socket(socket_family(target.version), SOCK_DGRAM | SOCK_CLOEXEC, 0));
      EXPECT_NE(::bind(other.get(), local.get(), local.size()), 0);
      EXPECT_EQ(errno, EADDRINUSE);
      ASSERT_EQ(::connect(server.get(), local.get(), local.size()), 0);
      for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(::send(server.get(), "answer", 6, 0), 6) << std::strerror(errno);
      }
      int number = -1;
      socklen_t size = sizeof number;
      ::getsockopt(server.get(), SOL_SOCKET, SO_ERROR, &number, &size);
      EXPECT_EQ(number, 0);
    }
  });
}

TEST_F(ForgedPacketTest, TheLeaseOutlivesThePacketAndPortsServeManyTargets) {
  in_namespace([](const std::shared_ptr<ConnectContext>& shared) {
    PortLease kept;
    {
      ForgedPacket packet(shared);
      ASSERT_TRUE(packet.reserve(*IpAddress::parse("127.0.0.1"), 53, IpProtocol::udp, {}, 0).ok());
      EXPECT_EQ(shared->ports.in_use(), 1u);
      kept = packet.take_lease();
    }
    EXPECT_EQ(shared->ports.in_use(), 1u);
    kept.give_back();
    {
      ForgedPacket packet(shared);
      ASSERT_TRUE(packet.reserve(*IpAddress::parse("127.0.0.1"), 53, IpProtocol::udp, {}, 0).ok());
    }
    EXPECT_EQ(shared->ports.in_use(), 0u) << "given back by itself";
  });
}

TEST_F(ForgedPacketTest, WhatCannotLeaveSaysWhy) {
  in_namespace([](const std::shared_ptr<ConnectContext>& shared) {
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_mtu = 1500;
    const FileDescriptor any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::ioctl(any.get(), SIOCSIFMTU, &request), 0) << std::strerror(errno);
    for (const char* text : loopbacks) {
      const IpAddress target = *IpAddress::parse(text);
      ForgedPacket packet(shared);
      ASSERT_TRUE(packet.reserve(target, server_port, IpProtocol::udp, {}, 0).ok());
      EXPECT_EQ(packet.send()->reason, "no packet is loaded");
      const ByteVector bytes = udp_packet(packet.ends(), {}, 3000);
      ASSERT_TRUE(packet.load(bytes).ok());
      const auto sent = packet.send();
      ASSERT_TRUE(sent);
      EXPECT_EQ(sent->state, ConnectionState::discard);
      EXPECT_NE(sent->reason.find("longer than the interface takes"), std::string::npos) << sent->reason;
    }
    ForgedPacket packet(shared);
    EXPECT_EQ(packet.reserve(*IpAddress::parse("192.0.2.1"), 53, IpProtocol::udp, {}, 0).state,
              ConnectionState::skipped)
        << "there is no route";
    EXPECT_EQ(packet.reserve(*IpAddress::parse("127.0.0.1"), 0, IpProtocol::udp, {}, 0).state,
              ConnectionState::skipped);
    EXPECT_EQ(packet.reserve(*IpAddress::parse("127.0.0.1"), 53, IpProtocol::sctp, {}, 0).state,
              ConnectionState::discard);
    ASSERT_TRUE(packet.reserve(*IpAddress::parse("127.0.0.1"), 53, IpProtocol::udp, {}, 0).ok());
    ConnectionEnds spoofed = packet.ends();
    spoofed.sip.bytes[3] = 99;
    const Outcome refused = packet.load(udp_packet(spoofed));
    EXPECT_EQ(refused.state, ConnectionState::discard);
    EXPECT_EQ(refused.reason,
              "the forged packet is refused: its source 127.0.0.99 is not our address 127.0.0.1");
    EXPECT_FALSE(packet.send()->ok()) << "what was refused is not sent";
  });
}

TEST(ForgedPacket, NeedsACapability) {
  if (has_capability(Capability::net_raw)) return;
  boost::asio::io_context io(1);
  const auto shared = *ConnectContext::make(io, {});
  ForgedPacket packet(shared);
  const Outcome reserved = packet.reserve(*IpAddress::parse("127.0.0.1"), 53, IpProtocol::udp, {}, 0);
  EXPECT_EQ(reserved.state, ConnectionState::discard);
  EXPECT_EQ(reserved.reason, "cannot open a raw socket: CAP_NET_RAW is missing");
}

}  // namespace
}  // namespace spiderling
