#include "host/socket_setup.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>

#include "host/capabilities.h"

namespace spiderling {
namespace {

int option(int socket, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  ::getsockopt(socket, level, name, &value, &size);
  return value;
}

TEST(SocketSetup, GivesWhatIsAskedForOfBothFamilies) {
  for (const int domain : {AF_INET, AF_INET6}) {
    const FileDescriptor socket(::socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) GTEST_SKIP() << "SKIPPED: no address family " << domain;
    SocketOptions setup;
    setup.traffic_class = traffic_class_of(46);
    setup.maximum_segment = 700;
    const auto done = set_up_socket(socket.get(), domain, setup);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(domain == AF_INET ? option(socket.get(), IPPROTO_IP, IP_TOS)
                                : option(socket.get(), IPPROTO_IPV6, IPV6_TCLASS),
              46 << 2);
    EXPECT_NE(::fcntl(socket.get(), F_GETFL) & O_NONBLOCK, 0);
  }
}

TEST(SocketSetup, WhatIsNotSetStays) {
  const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  SocketOptions nothing;
  nothing.non_blocking = false;
  ASSERT_TRUE(set_up_socket(socket.get(), AF_INET, nothing));
  EXPECT_EQ(option(socket.get(), IPPROTO_IP, IP_TOS), 0);
  EXPECT_EQ(::fcntl(socket.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(SocketSetup, ErrorsNameTheOption) {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  SocketOptions setup;
  setup.maximum_segment = 1000;
  const auto done = set_up_socket(socket.get(), AF_INET, setup);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("TCP_MAXSEG"), std::string::npos) << done.error().message;
  SocketOptions with_class;
  with_class.traffic_class = 4;
  EXPECT_FALSE(set_up_socket(socket.get(), AF_UNIX, with_class));
}

TEST(SocketSetup, AMarkNeedsACapability) {
  const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  SocketOptions setup;
  setup.mark = 0x01000000;
  const auto done = set_up_socket(socket.get(), AF_INET, setup);
  if (has_capability(Capability::net_admin)) {
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(option(socket.get(), SOL_SOCKET, SO_MARK), 0x01000000);
  } else if (!done) {  // CAP_NET_RAW is enough for newer kernels
    EXPECT_NE(done.error().message.find("CAP_NET_ADMIN"), std::string::npos) << done.error().message;
  }
}

TEST(SocketSetup, ASocketLivesInTheNamespaceItWasMadeIn) {
  if (!has_capability(Capability::sys_admin))
    GTEST_SKIP() << "SKIPPED: needs root, run the tests with sudo to cover this";
  // A thread in a namespace of its own, for as long as the test needs it, which is this thread.
  std::thread([] {
    const FileDescriptor home(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    const auto cookie_of = [](int socket) {
      std::uint64_t cookie = 0;
      socklen_t size = sizeof cookie;
      ::getsockopt(socket, SOL_SOCKET, 71 /* SO_NETNS_COOKIE */, &cookie, &size);
      return cookie;
    };
    const FileDescriptor at_home(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    const FileDescriptor here(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto there =
        open_socket_in_namespace(fmt::format("/proc/self/fd/{}", home.get()), AF_INET, SOCK_STREAM, 0);
    ASSERT_TRUE(there) << there.error().message;
    const FileDescriptor again(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(cookie_of(there->get()), cookie_of(at_home.get()));
    EXPECT_EQ(cookie_of(again.get()), cookie_of(here.get()));
    EXPECT_NE(cookie_of(here.get()), cookie_of(at_home.get()));
    EXPECT_NE(::fcntl(there->get(), F_GETFD) & FD_CLOEXEC, 0);
  }).join();
}

TEST(SocketSetup, ANamespaceThatIsNotThereIsNamed) {
  const auto socket = open_socket_in_namespace("no-such-namespace", AF_INET, SOCK_STREAM, 0);
  ASSERT_FALSE(socket);
  EXPECT_NE(socket.error().message.find("no-such-namespace"), std::string::npos) << socket.error().message;
}

}  // namespace
}  // namespace spiderling
