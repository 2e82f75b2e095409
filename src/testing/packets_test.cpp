#include "spiderling/testing/packets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "wire/checksum.h"

namespace spiderling::testing {
namespace {

using ::testing::HasSubstr;

std::string why_not(std::string_view line) {
  try {
    packet(line);
  } catch (const std::invalid_argument& problem) {
    return problem.what();
  }
  return "it was taken";
}

TEST(Packets, ALineIsAPacketWithAllThatItSays) {
  const Packets packets{
      "10.0.0.1:4000 > 10.0.0.2:80 tcp SEC seq=7 mss=1400 ws=3 sack ts tfo dscp=46 ecn=ce ttl=9 df evil "
      "text=\"a b\""};
  const Packet packet = packets[0];
  EXPECT_EQ(packet.defect(), Defect::none);
  EXPECT_EQ(verify_network_checksum(packet), ChecksumState::good);
  EXPECT_EQ(verify_transport_checksum(packet), ChecksumState::good);
  EXPECT_EQ(packet.dscp(), 46);
  EXPECT_EQ(packet.ecn(), Ecn::ce);
  EXPECT_EQ(packet.ip4()->ttl(), 9);
  EXPECT_TRUE(packet.ip4()->dont_fragment() && packet.ip4()->reserved_flag());
  EXPECT_EQ(packet.tcp()->flags(), tcp_flag::syn | tcp_flag::ece | tcp_flag::cwr);
  EXPECT_EQ(packet.tcp()->sequence(), 7u);
  for (const TcpOptionKind kind :
       {TcpOptionKind::maximum_segment_size, TcpOptionKind::window_scale, TcpOptionKind::sack_permitted,
        TcpOptionKind::timestamps, TcpOptionKind::fast_open}) {
    EXPECT_TRUE(packet.tcp()->options().find(kind)) << static_cast<int>(kind);
  }
  EXPECT_EQ(std::string(packet.payload().begin(), packet.payload().end()), "a b");
}

TEST(Packets, BothVersionsAndAllProtocols) {
  const Packets packets{"let C = [2001:db8::1]:4000",
                        "let S = [2001:db8::2]:53",
                        "C > S udp dns=query:www.example.org",
                        "S > C udp dns=response:www.example.org zero",
                        "2001:db8::9 > 2001:db8::1 icmp 1/4 { C > S udp len=3 }",
                        "C > S tcp PA dns=query:example.org",
                        "10.0.0.1 > 10.0.0.2 ip proto=88 len=20 vlan=5",
                        "10.0.0.1 > 10.0.0.2 icmp 8 hex=0102"};
  ASSERT_EQ(packets.size(), 6u);
  EXPECT_EQ(packets[0].dns()->questions().front().name(), "www.example.org");
  EXPECT_TRUE(packets[1].dns()->is_response());
  EXPECT_EQ(packets[1].udp()->checksum(), 0);
  EXPECT_TRUE(packets[2].icmp()->is_error());
  EXPECT_EQ(packets[2].quotation()->destination_port(), 53);
  EXPECT_EQ(packets[3].dns()->questions().front().name(), "example.org");
  EXPECT_EQ(packets[4].protocol(), 88);
  EXPECT_EQ(packets[4].vlan()->id(), 5);
  EXPECT_EQ(packets[4].payload_length() + packets[4].transport().bytes.size(),
            packets[4].payload_length() + 20u);
  EXPECT_EQ(packets[5].icmp()->payload().size(), 2u);
}

TEST(Packets, TimesAreAbsoluteRelativeOrTheNextMillisecond) {
  using std::chrono::milliseconds;
  Packets packets{"0.5 10.0.0.1 > 10.0.0.2 icmp 8", "10.0.0.1 > 10.0.0.2 icmp 8",
                  "+0.25 10.0.0.1 > 10.0.0.2 icmp 8"};
  packets.wait(milliseconds(99))
      .add("10.0.0.1 > 10.0.0.2 icmp 8\n# a comment\n\n  10.0.0.1 > 10.0.0.2 icmp 8\n");
  std::vector<std::int64_t> times;
  for (const StoredPacket& one : packets.stored())
    times.push_back(std::chrono::duration_cast<milliseconds>(one.time - start_time).count());
  EXPECT_THAT(times, ::testing::ElementsAre(500, 501, 751, 851, 852));
}

TEST(Packets, WhatWasCapturedMayBeLessThanWasOnTheWire) {
  const Packets packets{"10.0.0.1:1 > 10.0.0.2:2 udp len=100 snap=60"};
  EXPECT_EQ(packets[0].data().size(), 60u);
  EXPECT_EQ(packets[0].wire_length(), 142u);
  EXPECT_EQ(packets[0].payload_length(), 100u);
}

TEST(Packets, AFrameIsTakenAsItIs) {
  const Packets packets{"frame hex=ffffffffffff0011223344550806"};
  EXPECT_EQ(packets[0].data().size(), 14u);
  EXPECT_EQ(packets[0].ether_type(), 0x0806);
}

TEST(Packets, ALineThatIsNoneSaysWhy) {
  EXPECT_THAT(why_not("frame"), HasSubstr("a frame has bytes"));
  EXPECT_THAT(why_not("frame hex=00 len=3"), HasSubstr("no option 'len'"));
  EXPECT_THAT(
      why_not("10.0.0.1:1 > 10.0.0.2:2 tcp S ms=3"),
      HasSubstr("10.0.0.1:1 > 10.0.0.2:2 tcp S ms=3\": there is no option 'ms' here; did you mean 'mss'"));
  EXPECT_THAT(why_not("10.0.0.1 > 10.0.0.2:2 tcp S"), HasSubstr("tcp goes from port to port"));
  EXPECT_THAT(why_not("10.0.0.1:1 > [2001:db8::1]:2 tcp S"), HasSubstr("different IP versions"));
  EXPECT_THAT(why_not("10.0.0.1:1 > 10.0.0.2:2 tcp SX"), HasSubstr("'SX' are no flags"));
  EXPECT_THAT(why_not("10.0.0.1:1 > 10.0.0.2:99999 tcp S"), HasSubstr("99999 is more than 65535"));
  EXPECT_THAT(why_not("10.0.0.1:1 10.0.0.2:2 tcp S"), HasSubstr("SOURCE > DESTINATION"));
  EXPECT_THAT(why_not("C > S tcp S"), HasSubstr("no name that a `let` has given"));
  EXPECT_THAT(why_not("10.0.0.1:1 > 10.0.0.2:2 sctp"), HasSubstr("no protocol 'sctp'"));
  EXPECT_THAT(why_not("10.0.0.1:1 > 10.0.0.2:2 udp text=\"a"), HasSubstr("not closed"));
  EXPECT_THAT(why_not("10.0.0.1:1 > 10.0.0.2:2 udp hex=123"), HasSubstr("no whole bytes"));
  EXPECT_THAT(why_not("10.0.0.1:1 > 10.0.0.2:2 udp ecn=yes"), HasSubstr("none of ect0, ect1, ce"));
  EXPECT_THAT(why_not("10.0.0.1:1 > 10.0.0.2:2 udp dns=ask:x"), HasSubstr("query:NAME"));
  EXPECT_THAT(why_not("10.0.0.1:1 > 10.0.0.2:2 udp len=70000"), HasSubstr("70000 is more than 65535"));
  EXPECT_THAT(why_not("10.0.0.1 > 10.0.0.2 icmp 3/1 { 10.0.0.2 > 10.0.0.1 udp }"), HasSubstr("port to port"));
  EXPECT_THAT(why_not(""), HasSubstr("not one packet"));
}

TEST(Packets, WhatIsSavedIsACaptureFile) {
  const std::string path = ::testing::TempDir() + "packets_test.pcap";
  Packets({"10.0.0.1:1 > 10.0.0.2:2 udp", "10.0.0.1:1 > 10.0.0.2:2 udp len=9"}).save(path);
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(bytes.size(), 24u + 16 + 42 + 16 + 51);
  EXPECT_EQ(bytes.substr(0, 4), "\x4d\x3c\xb2\xa1");
  std::remove(path.c_str());
  EXPECT_THROW(Packets().save("/no/such/folder/x.pcap"), std::runtime_error);
}

}  // namespace
}  // namespace spiderling::testing
