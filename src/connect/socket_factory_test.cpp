#include "connect/socket_factory.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <optional>
#include <string>
#include <utility>

#include "connect/source_address.h"
#include "connect/tcp_connection.h"
#include "connect/test_loop.h"
#include "host/capabilities.h"

namespace spiderling {
namespace {

using namespace testing;

int option(const FileDescriptor& socket, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(socket.get(), level, name, &value, &size), 0);
  return value;
}

TEST(SocketFactory, SetsWhatTheSetupSays) {
  SocketFactory sockets;
  const SocketSetup setup{.dscp = 46, .mss = 1000};
  const auto v4 = sockets.open(setup, 0, AF_INET, SOCK_STREAM);
  ASSERT_TRUE(v4) << v4.error().message;
  EXPECT_EQ(option(*v4, IPPROTO_IP, IP_TOS), 46 << 2);
  EXPECT_EQ(option(*v4, IPPROTO_TCP, TCP_MAXSEG), 1000);
  const auto v6 = sockets.open(setup, 0, AF_INET6, SOCK_STREAM);
  ASSERT_TRUE(v6) << v6.error().message;
  EXPECT_EQ(option(*v6, IPPROTO_IPV6, IPV6_TCLASS), 46 << 2);
  EXPECT_EQ(option(*v6, IPPROTO_TCP, TCP_MAXSEG), 1000);
  EXPECT_TRUE(sockets.open(setup, 0, AF_INET, SOCK_DGRAM)) << "which has no MSS";
}

TEST(SocketFactory, TellsWhatTheKernelRefuses) {
  SocketFactory sockets;
  const auto dscp = sockets.open({.dscp = 64}, 0, AF_INET, SOCK_STREAM);
  ASSERT_FALSE(dscp);
  EXPECT_EQ(dscp.error().message, "a DSCP is a number from 0 to 63, not 64");
  const auto mss = sockets.open({.mss = 1}, 0, AF_INET, SOCK_STREAM);
  ASSERT_FALSE(mss);
  EXPECT_EQ(mss.error().message, "cannot set TCP_MAXSEG of a socket to 1: Invalid argument");
  const auto network = sockets.open({.network_namespace = "no_such_namespace"}, 0, AF_INET, SOCK_STREAM);
  ASSERT_FALSE(network);
  EXPECT_EQ(network.error().message,
            "cannot open the network namespace /run/netns/no_such_namespace: No such file or directory");
}

TEST(SocketFactory, MarksASocket) {
  SocketFactory sockets;
  if (!has_capability(Capability::net_admin))
    GTEST_SKIP() << "SKIPPED: needs root, run the tests with sudo to cover this";
  const auto marked = sockets.open({}, 0x7f000001, AF_INET, SOCK_STREAM);
  ASSERT_TRUE(marked) << marked.error().message;
  EXPECT_EQ(option(*marked, SOL_SOCKET, SO_MARK), 0x7f000001);
}

// --- in a network namespace of the test's own, in which there is nothing but the loopback interface

class InANamespace : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_capability(Capability::sys_admin))
      GTEST_SKIP() << "SKIPPED: needs root, run the tests with sudo to cover this";
    auto made = NetworkNamespace::make();
    ASSERT_TRUE(made) << made.error().message;
    network_.emplace(std::move(*made));
    setup_.network_namespace = "/proc/self/fd/" + std::to_string(network_->descriptor());
  }
  std::optional<NetworkNamespace> network_;
  SocketSetup setup_;
};

TEST_F(InANamespace, ConnectsToWhatIsThereAndNotToWhatIsHere) {
  Loop loop;
  const Listener here;
  const auto connect = [&](TcpConnection& connection, std::uint16_t port) {
    const Outcome ready = connection.prepare(address("127.0.0.1"), port, setup_, 0);
    EXPECT_TRUE(ready.ok()) << ready.reason;
    return loop.run(connection.connect(patiently()));
  };
  TcpConnection connection(loop.shared);
  EXPECT_EQ(connect(connection, here.port()).reason, "connection refused");
  std::optional<Listener> there;
  {
    const auto inside = InNamespace::enter(*network_);
    ASSERT_TRUE(inside) << inside.error().message;
    there.emplace();
  }
  EXPECT_TRUE(connect(connection, there->port()).ok());
}

TEST_F(InANamespace, NoRouteAndNoAddressAreSkippedWithAReason) {
  SocketFactory sockets;
  SourceAddress sources(sockets);
  const auto why = [&](const char* destination) -> std::string {
    const auto source = sources.towards(address(destination), setup_, 0);
    if (source) return source->to_string();
    EXPECT_EQ(source.error().state, ConnectionState::skipped);
    return source.error().reason;
  };
  EXPECT_EQ(why("192.0.2.80"), "no route to 192.0.2.80 from this machine: Network is unreachable");
  EXPECT_EQ(why("2001:db8::80"), "no route to 2001:db8::80 from this machine: Network is unreachable");
  EXPECT_EQ(why("127.0.0.9"), "127.0.0.1");
  EXPECT_EQ(why("::1"), "::1");
}

TEST(SourceAddress, EachDestinationHasItsOwn) {
  SocketFactory sockets;
  SourceAddress sources(sockets);
  EXPECT_EQ(sources.towards(address("127.0.0.1"), {}, 0)->to_string(), "127.0.0.1");
  // Towards an address of this machine the kernel uses the address of the route, not the last one asked for.
  EXPECT_EQ(sources.towards(address("127.9.9.9"), {}, 0)->to_string(), "127.0.0.1");
  EXPECT_EQ(sources.towards(address("::1"), {}, 0)->to_string(), "::1");
}

TEST(SourceAddress, ItsSocketsAreBounded) {
  const std::size_t before = open_descriptors();
  SocketFactory sockets;
  SourceAddress sources(sockets);
  for (std::uint8_t dscp = 0; dscp < 64; ++dscp) {
    EXPECT_TRUE(sources.towards(address("127.0.0.1"), {.dscp = dscp}, 0));
    EXPECT_TRUE(sources.towards(address("::1"), {.dscp = dscp}, 0));
  }
  EXPECT_LE(open_descriptors(), before + 64);
}

}  // namespace
}  // namespace spiderling
