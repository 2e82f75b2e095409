#include "wire/checksum.h"

#include <gtest/gtest.h>

#include <random>

#include "spiderling/builder.h"
#include "wire/testing.h"

namespace spiderling {
namespace {

using testing::as_bytes;
using testing::dissect;
using testing::hex;

// RFC 1071 as it is written, to compare with.
std::uint16_t checksum_by_the_book(Bytes bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? std::uint32_t{bytes[i]} << 8 : bytes[i];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

std::vector<std::uint8_t> random_bytes(std::mt19937& random, std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

TEST(InternetChecksum, IsThatOfTheExampleInRfc1071) {
  EXPECT_EQ(internet_checksum(hex("0001 f203 f4f5 f6f7")), static_cast<std::uint16_t>(~0xddf2));
}

TEST(InternetChecksum, OfAKnownIpv4Header) {
  auto header = hex("4500 0073 0000 4000 4011 0000 c0a8 0001 c0a8 00c7");
  EXPECT_EQ(internet_checksum(header), 0xb861);
  store_be16(header.data() + 10, 0xb861);
  EXPECT_EQ(internet_checksum(header), 0);
}

TEST(InternetChecksum, OfNothingAndOfExtremes) {
  EXPECT_EQ(internet_checksum({}), 0xffff);
  EXPECT_EQ(internet_checksum(hex("01")), 0xfeff);
  EXPECT_EQ(internet_checksum(std::vector<std::uint8_t>(65536, 0xff)), 0);
  EXPECT_EQ(internet_checksum(std::vector<std::uint8_t>(65537, 0xff)), 0x00ff);
}

TEST(InternetChecksum, EqualsTheBookAtEveryLengthAndAlignment) {
  std::mt19937 random(1);
  const auto bytes = random_bytes(random, 300);
  for (std::size_t from = 0; from < 17; ++from) {
    for (std::size_t size = 0; from + size <= bytes.size(); ++size) {
      const Bytes piece = Bytes(bytes).subspan(from, size);
      ASSERT_EQ(internet_checksum(piece), checksum_by_the_book(piece)) << from << ' ' << size;
    }
  }
}

TEST(InternetChecksum, OfPiecesIsThatOfTheWhole) {
  std::mt19937 random(2);
  for (int round = 0; round < 2000; ++round) {
    const auto bytes = random_bytes(random, random() % 200);
    InternetSum sum;
    for (Bytes rest = bytes; !rest.empty();) {
      const std::size_t size = random() % (rest.size() + 1);
      sum.add(rest.first(size));
      rest = rest.subspan(size);
    }
    ASSERT_EQ(sum.checksum(), checksum_by_the_book(bytes));
  }
}

TEST(InternetChecksum, UpdatesAsTheExampleInRfc1624) {
  EXPECT_EQ(update_checksum(0xdd2f, 0x5555, 0x3285), 0x0000);
}

TEST(InternetChecksum, UpdateEqualsANewChecksum) {
  std::mt19937 random(3);
  for (int round = 0; round < 20000; ++round) {
    auto bytes = random_bytes(random, 20);
    const std::uint16_t before = internet_checksum(bytes);
    const std::size_t word = 2 * (random() % 10);
    const std::uint16_t old_word = load_be16(&bytes[word]);
    const auto new_word = static_cast<std::uint16_t>(random());
    store_be16(&bytes[word], new_word);
    ASSERT_EQ(update_checksum(before, old_word, new_word), internet_checksum(bytes));
    const std::size_t field = 4 * (random() % 5);
    const std::uint32_t old_field = load_be32(&bytes[field]);
    const auto new_field = static_cast<std::uint32_t>(random());
    const std::uint16_t between = internet_checksum(bytes);
    store_be32(&bytes[field], new_field);
    ASSERT_EQ(update_checksum32(between, old_field, new_field), internet_checksum(bytes));
  }
}

TEST(Crc32c, OfTheTestVectorsInRfc3720) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);
  EXPECT_EQ(crc32c(std::vector<std::uint8_t>(32, 0)), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::vector<std::uint8_t>(32, 0xff)), 0x62a8ab43u);
  std::vector<std::uint8_t> up(32);
  for (std::size_t i = 0; i < 32; ++i) up[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(crc32c(up), 0x46dd794eu);
  EXPECT_EQ(crc32c(std::vector<std::uint8_t>(up.rbegin(), up.rend())), 0x113fdb5cu);
  EXPECT_EQ(crc32c({}), 0u);
}

TEST(TransportChecksum, OfAKnownDnsQuery) {
  // A query for example.com to 8.8.8.8, as a resolver sent it.
  const auto datagram =
      hex("4500 0039 0001 0000 4011 0000 0a00 0001 0808 0808"
          "0035 0035 0025 0000"
          "0000 0100 0001 0000 0000 0000 0765 7861 6d70 6c65 0363 6f6d 0000 0100 01");
  const Bytes segment = Bytes(datagram).subspan(20);
  const std::uint16_t checksum =
      transport_checksum(IpAddress::v4(&datagram[12]), IpAddress::v4(&datagram[16]), 17, segment);
  auto pseudo = hex("0a00 0001 0808 0808 0011 0025");
  pseudo.insert(pseudo.end(), segment.begin(), segment.end());
  EXPECT_EQ(checksum, checksum_by_the_book(pseudo));
}

TEST(TransportChecksum, UdpSendsZeroAsAllOnes) {
  // Ports chosen so that the sum is 0xffff.
  auto segment = hex("0000 0000 0008 0000");
  const IpAddress any = *IpAddress::parse("0.0.0.0");
  const std::uint16_t without = transport_checksum(any, any, 17, segment);
  store_be16(segment.data(), without);
  EXPECT_EQ(transport_checksum(any, any, 17, segment), 0xffff);
}

class Verify : public ::testing::Test {
 protected:
  const IpAddress a4 = *IpAddress::parse("192.0.2.1");
  const IpAddress b4 = *IpAddress::parse("198.51.100.7");
  const IpAddress a6 = *IpAddress::parse("2001:db8::1");
  const IpAddress b6 = *IpAddress::parse("2001:db8:ffff::7");
  PacketBuffer<4096> packet;

  PacketBuilder& v4() { return packet.clear().ip4({.source = a4, .destination = b4}); }
  PacketBuilder& v6() { return packet.clear().ip6({.source = a6, .destination = b6}); }
  static ChecksumState state(PacketBuilder& built) {
    const auto bytes = built.finish();
    EXPECT_TRUE(bytes);
    return verify_transport_checksum(dissect(*bytes, LinkType::raw_ip));
  }
};

TEST_F(Verify, WhatTheBuilderComputed) {
  for (const bool six : {false, true}) {
    const auto ip = [&]() -> PacketBuilder& { return six ? v6() : v4(); };
    for (const std::size_t size : {0u, 1u, 2u, 7u, 1000u, 1001u}) {
      EXPECT_EQ(state(ip().tcp({.source_port = 1, .destination_port = 2}).fill(size, 0xa5)),
                ChecksumState::good);
      EXPECT_EQ(state(ip().udp({.source_port = 1, .destination_port = 2}).fill(size, 0xa5)),
                ChecksumState::good);
      EXPECT_EQ(state(ip().udp_lite({.source_port = 1, .destination_port = 2}).fill(size, 0xa5)),
                ChecksumState::good);
      EXPECT_EQ(state(ip().udp_lite({.source_port = 1, .coverage = 8}).fill(size, 0xa5)),
                ChecksumState::good);
      EXPECT_EQ(state(ip().sctp({.source_port = 1, .destination_port = 2}).fill(size, 0xa5)),
                ChecksumState::good);
    }
  }
  EXPECT_EQ(state(v4().icmp4({.type = 8}).fill(57, 1)), ChecksumState::good);
  EXPECT_EQ(state(v6().icmp6({.type = 128}).fill(57, 1)), ChecksumState::good);
}

TEST_F(Verify, AWrongOneIsBad) {
  EXPECT_EQ(state(v4().tcp({.checksum = 1})), ChecksumState::bad);
  EXPECT_EQ(state(v6().udp({.checksum = 1})), ChecksumState::bad);
  EXPECT_EQ(state(v6().sctp({.checksum = 1})), ChecksumState::bad);
  EXPECT_EQ(state(v6().icmp6({.checksum = 1})), ChecksumState::bad);
  EXPECT_EQ(state(v4().icmp4({.checksum = 1})), ChecksumState::bad);
}

TEST_F(Verify, ZeroIsAbsentOnlyInUdpOverIpv4) {
  EXPECT_EQ(state(v4().udp({.checksum = 0})), ChecksumState::absent);
  EXPECT_EQ(state(v6().udp({.checksum = 0})), ChecksumState::bad);
  EXPECT_EQ(state(v4().udp_lite({.checksum = 0})), ChecksumState::bad);
  // That there is none is told by the header alone: also of a cut packet and of a first fragment.
  const auto bytes = *v4().udp({.checksum = 0}).fill(100).finish();
  EXPECT_EQ(verify_transport_checksum(dissect(bytes.first(60), LinkType::raw_ip, 128)),
            ChecksumState::absent);
  EXPECT_EQ(state(packet.clear().ip4({.more_fragments = true}).udp({.checksum = 0})), ChecksumState::absent);
}

TEST_F(Verify, UdpLiteCoverageOutsideTheSegmentIsBad) {
  EXPECT_EQ(state(v4().udp_lite({.coverage = 7})), ChecksumState::bad);
  EXPECT_EQ(state(v4().udp_lite({.coverage = 9})), ChecksumState::bad);
}

TEST_F(Verify, UdpLiteDoesNotMindWhatItDoesNotCover) {
  auto bytes = *v4().udp_lite({.coverage = 10}).payload("abcd").finish();
  std::vector<std::uint8_t> changed(bytes.begin(), bytes.end());
  changed.back() ^= 0xff;
  EXPECT_EQ(verify_transport_checksum(dissect(changed, LinkType::raw_ip)), ChecksumState::good);
  changed[changed.size() - 4] ^= 0xff;
  EXPECT_EQ(verify_transport_checksum(dissect(changed, LinkType::raw_ip)), ChecksumState::bad);
}

TEST_F(Verify, TheFinalDestinationOfARoutingHeaderCounts) {
  const IpAddress hops[] = {*IpAddress::parse("2001:db8::a"), *IpAddress::parse("2001:db8::b")};
  for (const std::uint8_t type : {std::uint8_t{0}, std::uint8_t{2}, std::uint8_t{4}}) {
    v6().routing({.type = type, .segments_left = 1, .addresses = hops}).tcp({.source_port = 1});
    EXPECT_EQ(state(packet), ChecksumState::good);
    const Packet routed = dissect(*packet.finish(), LinkType::raw_ip);
    const Bytes segment = routed.transport().bytes;
    InternetSum sum;
    sum.add_pseudo_header(a6, hops[type == 4 ? 0 : 1], 6, static_cast<std::uint32_t>(segment.size()))
        .add(segment);
    EXPECT_EQ(sum.checksum(), 0);
  }
}

TEST_F(Verify, CutAndFragmentedIsUnknown) {
  const auto bytes = *v4().tcp({}).fill(100).finish();
  EXPECT_EQ(verify_transport_checksum(dissect(bytes.first(60), LinkType::raw_ip, 140)),
            ChecksumState::unknown);
  EXPECT_EQ(state(packet.clear().ip4({.more_fragments = true}).udp({})), ChecksumState::unknown);
  EXPECT_EQ(state(v4().fill(30)), ChecksumState::absent);
}

TEST_F(Verify, TheIpv4Header) {
  EXPECT_EQ(verify_network_checksum(dissect(*v4().udp({}).finish(), LinkType::raw_ip)), ChecksumState::good);
  EXPECT_EQ(verify_network_checksum(
                dissect(*packet.clear().ip4({.checksum = 7}).udp({}).finish(), LinkType::raw_ip)),
            ChecksumState::bad);
  EXPECT_EQ(verify_network_checksum(dissect(*v6().udp({}).finish(), LinkType::raw_ip)),
            ChecksumState::absent);
}

}  // namespace
}  // namespace spiderling
