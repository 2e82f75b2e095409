#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "capture/interfaces.h"
#include "capture/live_source.h"
#include "capture/test_live.h"

namespace spiderling {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST_F(Live, GivesEachPacketOfLoopbackOnceAndWhole) {
  in_namespace([] {
    const auto source = open_or_fail("lo");
    ASSERT_TRUE(source);
    EXPECT_TRUE(source->live());
    EXPECT_FALSE(source->every_stream_sees_all());
    const auto before = std::chrono::system_clock::now().time_since_epoch();
    const ByteVector payload = numbered_data(900, 1);
    const FileDescriptor receiver(::socket(AF_INET, SOCK_DGRAM, 0));
    sockaddr_in here = {};
    here.sin_family = AF_INET;
    here.sin_port = htons(4321);
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(0, ::bind(receiver.get(), reinterpret_cast<sockaddr*>(&here), sizeof here));
    send_udp("127.0.0.1", 4321, payload, 10);
    auto seen = read_until(source->stream(0), at_least(10));
    const auto more = rest_of(*source);
    seen.insert(seen.end(), more.begin(), more.end());
    ASSERT_THAT(seen, SizeIs(10));
    for (const SeenFrame& frame : seen) {
      EXPECT_EQ(LinkType::ethernet, frame.link_type);
      ASSERT_EQ(14u + 28 + 900, frame.data.size());
      EXPECT_EQ(frame.data.size(), frame.wire_length);
      EXPECT_TRUE(std::equal(payload.begin(), payload.end(), frame.data.begin() + 42));
      EXPECT_GT(frame.time_ns, std::chrono::nanoseconds(before).count() - 5'000'000'000);
      EXPECT_LT(frame.time_ns, std::chrono::nanoseconds(before).count() + 3'600'000'000'000);
    }
    EXPECT_EQ(10u, source->counters().frames);
    EXPECT_EQ(0u, source->counters().kernel_dropped);
  });
}

TEST_F(Live, FilterAndSnapLengthApply) {
  in_namespace([] {
    SourceOptions options;
    options.filter = "udp dst port 5000";
    options.snap_length = 50;
    for (const char* name : {"lo", "all"}) {
      const auto source = open_or_fail(name, options);
      ASSERT_TRUE(source);
      for (int i = 0; i < 5; ++i) {
        send_udp("127.0.0.1", 5001, {1, 2, 3});
        send_udp("127.0.0.1", 5000, numbered_data(100, 1));
      }
      auto seen = read_until(source->stream(0), at_least(5));
      const auto more = rest_of(*source);
      seen.insert(seen.end(), more.begin(), more.end());
      ASSERT_THAT(seen, SizeIs(5)) << name;
      for (const SeenFrame& frame : seen) {
        EXPECT_EQ(50u, frame.data.size());
        EXPECT_EQ(142u, frame.wire_length);
      }
    }
  });
}

TEST_F(Live, IdleInTimeAndEndedAfterStop) {
  in_namespace([] {
    const auto source = open_or_fail("lo");
    ASSERT_TRUE(source);
    std::array<Frame, 4> room;
    EXPECT_EQ(StreamState::idle, source->stream(0).next(room, std::chrono::milliseconds(10)).state);
    std::jthread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      source->stop();
    });
    const auto start = std::chrono::steady_clock::now();
    while (source->stream(0).next(room, patience).state != StreamState::ended) {
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, patience / 2);
  });
}

TEST_F(Live, StopGivesWhatWasCapturedBefore) {
  in_namespace([] {
    for (int round = 0; round < 10; ++round) {
      SourceOptions options;
      options.filter = "udp dst port 5000";
      const auto source = open_or_fail("lo", options);
      ASSERT_TRUE(source);
      send_udp("127.0.0.1", 5000, {1}, 20);
      EXPECT_THAT(rest_of(*source), SizeIs(20));
    }
  });
}

TEST_F(Live, LimitHoldsOverAllShards) {
  in_namespace([] {
    SourceOptions options;
    options.shards = 2;
    options.max_frames = 15;
    const auto source = open_or_fail("lo", options);
    ASSERT_TRUE(source);
    for (int i = 1; i < 40; ++i) send_udp(fmt::format("127.0.0.{}", i).c_str(), 5000, {1});
    std::vector<SeenFrame> seen[2];
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < 2; ++i)
        threads.emplace_back([&, i] { seen[i] = read_all(source->stream(i)); });
    }
    EXPECT_EQ(15u, seen[0].size() + seen[1].size());
    EXPECT_EQ(15u, source->counters().frames);
  });
}

TEST_F(Live, VlanTagsAreWhereTheyWereOnTheWire) {
  in_namespace([] {
    ASSERT_TRUE(make_veth());
    const ByteVector packet = ip_packet(false, 1, 2, 17, ByteVector(40));
    const ByteVector tagged = ethernet(ETH_P_IP, packet, {0x81, 0, 0x60, 5});
    const ByteVector twice = ethernet(ETH_P_IP, packet, {0x88, 0xa8, 0, 9, 0x81, 0, 0, 5});
    const ByteVector plain = ethernet(ETH_P_IP, packet);
    for (const std::string filter : {"", "vlan 5 and udp", "udp"}) {
      SourceOptions options;
      options.filter = filter;
      const auto source = open_or_fail("v1", options);
      ASSERT_TRUE(source);
      Injector injector("v0");
      for (const ByteVector& frame : {tagged, twice, plain, tagged}) injector.send(frame);
      std::vector<ByteVector> seen;
      for (const SeenFrame& frame : rest_of(*source)) {
        EXPECT_EQ(frame.data.size(), frame.wire_length);
        seen.push_back(frame.data);
      }
      const std::vector<ByteVector> all = {tagged, twice, plain, tagged};
      const std::vector<ByteVector> with_tag = {tagged, tagged};
      const std::vector<ByteVector> without = {plain};
      EXPECT_EQ(filter.empty() ? all : filter == "udp" ? without : with_tag, seen) << filter;
    }
  });
}

TEST_F(Live, AllInterfacesAtOnce) {
  in_namespace([] {
    ASSERT_TRUE(make_veth());
    SourceOptions options;
    options.filter = "udp or arp";
    const auto source = open_or_fail("all", options);
    ASSERT_TRUE(source);
    Injector("v0").send(ethernet(ETH_P_IP, ip_packet(false, 1, 2, 17, ByteVector(40))));
    Injector("v0").send(ethernet(ETH_P_ARP, ByteVector(28)));
    Injector("v0").send(ethernet(0x1234, ByteVector(60)));
    send_udp("127.0.0.1", 5000, {1, 2, 3});
    // The veth pair's packets are sent by one end and received by the other.
    EXPECT_THAT(rest_of(*source), SizeIs(5));
    EXPECT_EQ(0u, source->counters().unknown_link);
  });
}

TEST_F(Live, TunGivesRawIp) {
  in_namespace([] {
    const FileDescriptor tun(::open("/dev/net/tun", O_RDWR));
    ifreq request = {};
    std::strcpy(request.ifr_name, "tun7");
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (!tun) GTEST_SKIP() << "SKIPPED: this system has no /dev/net/tun: " << std::strerror(errno);
    ASSERT_EQ(0, ::ioctl(tun.get(), TUNSETIFF, &request)) << std::strerror(errno);
    quiet_ipv6("tun7");
    ASSERT_TRUE(run("ip addr add 10.1.0.1/24 dev tun7") && run("ip link set tun7 up"));
    for (const char* name : {"tun7", "all"}) {
      SourceOptions options;
      options.filter = "udp and host 10.1.0.2";
      const auto source = open_or_fail(name, options);
      ASSERT_TRUE(source);
      send_udp("10.1.0.2", 5000, {1, 2, 3});
      const ByteVector reply = ip_packet(false, 2, 1, 17, ByteVector(20));
      ASSERT_EQ(static_cast<ssize_t>(reply.size()), ::write(tun.get(), reply.data(), reply.size()));
      const auto seen = rest_of(*source);
      ASSERT_THAT(seen, SizeIs(2)) << name;
      for (const SeenFrame& frame : seen) EXPECT_EQ(LinkType::raw_ip, frame.link_type);
      EXPECT_EQ(0x45, seen[0].data.at(0));
      EXPECT_EQ(31u, seen[0].wire_length);
      EXPECT_EQ(reply, seen[1].data);
    }
  });
}

TEST_F(Live, LostPacketsAreCounted) {
  in_namespace([] {
    SourceOptions options;
    options.ring_bytes = 1;  // the smallest there is
    const auto source = open_or_fail("lo", options);
    ASSERT_TRUE(source);
    const FileDescriptor receiver(::socket(AF_INET, SOCK_DGRAM, 0));
    sockaddr_in here = {};
    here.sin_family = AF_INET;
    here.sin_port = htons(5000);
    ASSERT_EQ(0, ::bind(receiver.get(), reinterpret_cast<sockaddr*>(&here), sizeof here));
    constexpr int sent = 20'000;
    send_udp("127.0.0.1", 5000, ByteVector(200), sent);
    const auto seen = rest_of(*source);
    const auto counters = source->counters();
    EXPECT_GT(counters.kernel_dropped, 0u);
    EXPECT_EQ(static_cast<std::uint64_t>(sent), seen.size() + counters.kernel_dropped);
    EXPECT_EQ(counters.kernel_dropped, source->counters().kernel_dropped) << "asking again changes nothing";
  });
}

TEST_F(Live, SaysWhatIsWrongWithAnInterface) {
  in_namespace([] {
    ASSERT_TRUE(run("ip link add down0 type veth peer name down1"));
    const auto message = [](const std::string& name, SourceOptions options = {}) {
      const auto source = Source::open(name, options);
      return source ? "no error" : source.error().message;
    };
    EXPECT_THAT(message("live:nope"), AllOf(HasSubstr("no interface 'nope'"), HasSubstr("lo")));
    EXPECT_THAT(message("live:"), HasSubstr("no interface"));
    EXPECT_THAT(message("live:name-that-is-far-too-long"), HasSubstr("no interface"));
    EXPECT_THAT(message("down0"), HasSubstr("is down; bring it up"));
    SourceOptions options;
    options.filter = "nonsense here";
    EXPECT_THAT(message("lo", options), HasSubstr("filter 'nonsense here'"));
    options = {};
    options.shards = 1000;
    EXPECT_THAT(message("lo", options), HasSubstr("too many"));
  });
}

TEST_F(Live, AnInterfaceThatGoesAwayEndsTheCapture) {
  in_namespace([] {
    ASSERT_TRUE(make_veth());
    const auto source = open_or_fail("v1");
    ASSERT_TRUE(source);
    ASSERT_TRUE(run("ip link del v0"));
    read_all(source->stream(0));
    EXPECT_THAT(source->warnings(), testing::Contains(HasSubstr("v1: the interface is gone")));
  });
}

// An interface that is deleted goes down first, and the kernel reports an error once: then, not at its end.
TEST_F(Live, AnInterfaceThatGoesAwayWhileItIsDownEndsTheCapture) {
  in_namespace([] {
    ASSERT_TRUE(make_veth());
    SourceOptions options;
    options.shards = 2;
    const auto source = open_or_fail("v1", options);
    ASSERT_TRUE(source);
    std::array<Frame, 4> room;
    ASSERT_TRUE(run("ip link set v1 down"));
    for (const std::size_t shard : {std::size_t{0}, std::size_t{1}})
      EXPECT_EQ(StreamState::idle, source->stream(shard).next(room, patience).state);
    EXPECT_THAT(source->warnings(), testing::ElementsAre(HasSubstr("v1: the interface went down")));
    ASSERT_TRUE(run("ip link del v0"));
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (const std::size_t shard : {std::size_t{0}, std::size_t{1}}) {
      StreamState state = StreamState::idle;
      while (state != StreamState::ended && std::chrono::steady_clock::now() < deadline)
        state = source->stream(shard).next(room, patience).state;
      EXPECT_EQ(StreamState::ended, state);
    }
    EXPECT_THAT(source->warnings(), testing::Contains(HasSubstr("v1: the interface is gone")));
  });
}

TEST_F(Live, AnInterfaceThatComesBackIsCapturedAgain) {
  in_namespace([] {
    ASSERT_TRUE(make_veth());
    const auto source = open_or_fail("v1");
    ASSERT_TRUE(source);
    std::array<Frame, 4> room;
    ASSERT_TRUE(run("ip link set v1 down"));
    EXPECT_EQ(StreamState::idle, source->stream(0).next(room, patience).state);
    ASSERT_TRUE(run("ip link set v1 up"));
    // The other end notices in its own time, and drops what is sent until then.
    Injector injector("v0");
    const auto deadline = std::chrono::steady_clock::now() + patience;
    StreamState state = StreamState::idle;
    while (state == StreamState::idle && std::chrono::steady_clock::now() < deadline) {
      injector.send(ethernet(0x88b5, {1, 2, 3}));
      state = source->stream(0).next(room, std::chrono::milliseconds(100)).state;
    }
    EXPECT_EQ(StreamState::frames, state);
  });
}

TEST_F(Live, DefaultInterfaceIsThatOfTheCallersNamespace) {
  in_namespace([] {
    ASSERT_FALSE(default_interface());
    EXPECT_THAT(default_interface().error().message, HasSubstr("no default route"));
    ASSERT_TRUE(make_veth());
    ASSERT_TRUE(run("ip addr add 10.1.0.1/24 dev v0") && run("ip route add default via 10.1.0.2"));
    EXPECT_EQ("v0", default_interface().value());
  });
}

TEST(LivePermission, SaysWhatToDoWithoutIt) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);
    const auto source = Source::open("live:all", {});
    if (source) ::_exit(1);
    const std::string& message = source.error().message;
    const bool good =
        message.find("sudo") != std::string::npos && message.find("setcap") != std::string::npos;
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 2) GTEST_SKIP() << "SKIPPED: cannot become another user than root here";
  EXPECT_EQ(0, WEXITSTATUS(status));
}

}  // namespace
}  // namespace spiderling
