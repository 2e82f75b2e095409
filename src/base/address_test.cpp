#include "spiderling/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <random>

namespace spiderling {
namespace {

std::string by_libc(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN];
  const int family = address.version == IpVersion::v6 ? AF_INET6 : AF_INET;
  EXPECT_NE(inet_ntop(family, address.bytes.data(), text, sizeof text), nullptr);
  return text;
}

TEST(IpAddress, FormatsTheExamplesOfRfc5952) {
  const std::pair<const char*, const char*> examples[] = {
      {"2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},    // 4.2.3: the first of two equal runs
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // 4.2.2: a single group stays
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},           // 4.2.3: the longest run
      {"2001:DB8::AAAA", "2001:db8::aaaa"},              // 4.3: lower case
      {"0:0:0:0:0:0:0:0", "::"},
      {"0:0:0:0:0:0:0:1", "::1"},
      {"1:0:0:0:0:0:0:0", "1::"},
      {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
      {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
  };
  for (const auto& [input, expected] : examples) {
    const auto address = IpAddress::parse(input);
    ASSERT_TRUE(address) << input;
    EXPECT_EQ(address->to_string(), expected);
  }
}

TEST(IpAddress, FormatsAsInetNtopDoes) {
  std::mt19937_64 random(20240607);
  for (int i = 0; i < 200000; ++i) {
    std::uint8_t bytes[16];
    // Each group is zero, small, all ones or anything, so that runs of zeros of every kind come up.
    for (int group = 0; group < 8; ++group) {
      const auto value = static_cast<std::uint16_t>(random());
      const std::uint16_t choices[] = {
          0,     0,     static_cast<std::uint16_t>(value & 0xf), static_cast<std::uint16_t>(value & 0xfff),
          value, 0xffff};
      const std::uint16_t chosen = choices[random() % 6];
      bytes[2 * group] = static_cast<std::uint8_t>(chosen >> 8);
      bytes[2 * group + 1] = static_cast<std::uint8_t>(chosen);
    }
    const IpAddress v6 = IpAddress::v6(bytes);
    ASSERT_EQ(v6.to_string(), by_libc(v6));
    ASSERT_EQ(IpAddress::parse(v6.to_string()), v6);
    const IpAddress v4 = IpAddress::v4(bytes);
    ASSERT_EQ(v4.to_string(), by_libc(v4));
    ASSERT_EQ(IpAddress::parse(v4.to_string()), v4);
  }
}

TEST(IpAddress, FormatsEveryByteInEveryPlaceOfAnIpv4Address) {
  for (unsigned value = 0; value < 256; ++value) {
    for (int place = 0; place < 4; ++place) {
      std::uint8_t bytes[4] = {10, 200, 3, 44};
      bytes[place] = static_cast<std::uint8_t>(value);
      const IpAddress address = IpAddress::v4(bytes);
      ASSERT_EQ(address.to_string(), by_libc(address));
    }
  }
}

TEST(IpAddress, NeverWritesMoreThanItsRoom) {
  std::uint8_t bytes[16];
  std::memset(bytes, 0xff, sizeof bytes);
  char room[max_address_text];
  EXPECT_LE(format_address(IpAddress::v6(bytes), room) - room, static_cast<std::ptrdiff_t>(max_address_text));
  EXPECT_EQ(format_address(IpAddress::v4(bytes), room) - room, 15);
}

TEST(IpAddress, WithoutAVersionHasNoText) { EXPECT_EQ(IpAddress{}.to_string(), ""); }

TEST(IpAddress, RefusesWhatIsNoAddress) {
  for (const std::string_view text :
       {"", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.-4",
        "::1::", "1:2:3:4:5:6:7:8:9", "12345::", "g::", ":::", "fe80::1%eth0", "[::1]", "2001:db8::/32",
        "example.org", "0000:0000:0000:0000:0000:0000:255.255.255.2555"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0x", 9)));
  EXPECT_FALSE(IpAddress::parse(std::string(1000, '1')));
}

TEST(IpAddress, ParsesAPartOfAText) {
  const std::string_view line = "192.0.2.77,example.org";
  const auto address = IpAddress::parse(line.substr(0, 10));
  ASSERT_TRUE(address);
  EXPECT_EQ(address->version, IpVersion::v4);
  EXPECT_EQ(address->to_string(), "192.0.2.77");
}

TEST(IpAddress, AnIpv4AndAnIpv6AddressAreNeverEqual) {
  EXPECT_NE(IpAddress::parse("0.0.0.0"), IpAddress::parse("::"));
}

TEST(MacAddress, Formats) {
  const std::uint8_t bytes[] = {0x00, 0x11, 0x22, 0xaa, 0xbb, 0xcc};
  EXPECT_EQ(MacAddress::from(bytes).to_string(), "00:11:22:aa:bb:cc");
  EXPECT_EQ(MacAddress{}.to_string(), "00:00:00:00:00:00");
}

}  // namespace
}  // namespace spiderling
