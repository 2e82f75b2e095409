#include "jobs/prefix_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "jobs/special_purpose.h"
#include "jobs/test_jobs.h"

namespace spiderling {
namespace {

using ::testing::HasSubstr;

std::string why_not(std::string_view text) {
  const auto prefix = Prefix::parse(text);
  return prefix ? "parsed" : prefix.error().message;
}

TEST(Prefix, IsAnAddressOrAnAddressAndALength) {
  EXPECT_EQ(Prefix::parse("192.0.2.1")->length, 32u);
  EXPECT_EQ(Prefix::parse("2001:db8::1")->length, 128u);
  EXPECT_EQ(Prefix::parse("0.0.0.0/0")->length, 0u);
  EXPECT_EQ(Prefix::parse("2001:db8::/33")->length, 33u);
  EXPECT_EQ(Prefix::parse("2001:db8::/33")->address, address("2001:db8::"));
}

TEST(Prefix, WhatIsNoneIsSaid) {
  EXPECT_THAT(why_not("192.0.2"), HasSubstr("neither an address nor a prefix"));
  EXPECT_THAT(why_not(""), HasSubstr("neither"));
  EXPECT_THAT(why_not("/8"), HasSubstr("neither"));
  EXPECT_THAT(why_not("10.0.0.0/33"), HasSubstr("length from 0 to 32"));
  EXPECT_THAT(why_not("10.0.0.0/"), HasSubstr("length from 0 to 32"));
  EXPECT_THAT(why_not("10.0.0.0/-1"), HasSubstr("length from 0 to 32"));
  EXPECT_THAT(why_not("10.0.0.0/8/8"), HasSubstr("length from 0 to 32"));
  EXPECT_THAT(why_not("::/129"), HasSubstr("length from 0 to 128"));
  EXPECT_THAT(why_not("10.0.0.1/8"), HasSubstr("bits behind its length"));
}

TEST(PrefixMap, TheLongestPrefixTells) {
  PrefixMap map;
  map.add(*Prefix::parse("10.0.0.0/8"), 1);
  map.add(*Prefix::parse("10.1.0.0/16"), 2);
  map.add(*Prefix::parse("10.1.1.0/24"), 0);
  map.add(*Prefix::parse("255.255.255.255"), 3);
  map.add(*Prefix::parse("::/0"), 4);
  map.add(*Prefix::parse("ffff::/16"), 5);
  map.finish();
  EXPECT_EQ(map.find(address("9.255.255.255")), 0u);
  EXPECT_EQ(map.find(address("10.0.0.0")), 1u);
  EXPECT_EQ(map.find(address("10.1.0.255")), 2u);
  EXPECT_EQ(map.find(address("10.1.1.7")), 0u);
  EXPECT_EQ(map.find(address("10.1.2.0")), 2u);
  EXPECT_EQ(map.find(address("10.255.255.255")), 1u);
  EXPECT_EQ(map.find(address("11.0.0.0")), 0u);
  EXPECT_EQ(map.find(address("255.255.255.255")), 3u);
  EXPECT_EQ(map.find(address("::")), 4u);
  EXPECT_EQ(map.find(address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")), 5u);
  EXPECT_EQ(map.find(IpAddress{}), 0u);
}

// Against looking at every prefix.
TEST(PrefixMap, FindsWhatAPlainSearchFinds) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::pair<Prefix, std::uint32_t>> all;
    PrefixMap map;
    for (std::uint32_t i = 1; i <= 12; ++i) {
      Prefix prefix{address("10.0.0.0"), 24 + static_cast<unsigned>(random() % 9)};
      prefix.address.bytes[3] = static_cast<std::uint8_t>(random() & ~(0xffu >> (prefix.length - 24)));
      all.emplace_back(prefix, i % 4);
      map.add(prefix, i % 4);
    }
    map.finish();
    for (unsigned last = 0; last < 256; ++last) {
      IpAddress asked = address("10.0.0.0");
      asked.bytes[3] = static_cast<std::uint8_t>(last);
      std::uint32_t expected = 0;
      unsigned longest = 0;
      for (const auto& [prefix, value] : all) {
        const bool covers = (prefix.address.bytes[3] ^ last) >> (32 - prefix.length) == 0;
        if (!covers || prefix.length < longest) continue;
        longest = prefix.length;
        expected = value;
      }
      ASSERT_EQ(map.find(asked), expected) << round << " " << last;
    }
  }
}

TEST(SpecialPurpose, IsAsTheRegistriesHaveIt) {
  const auto name = [](std::string_view text) {
    const SpecialPurpose* entry = special_purpose_of(address(text));
    return std::string(entry == nullptr ? "" : entry->prefix);
  };
  EXPECT_EQ(name("10.255.255.255"), "10.0.0.0/8");
  EXPECT_EQ(name("172.15.255.255"), "");
  EXPECT_EQ(name("172.31.255.255"), "172.16.0.0/12");
  EXPECT_EQ(name("172.32.0.0"), "");
  EXPECT_EQ(name("0.0.0.0"), "0.0.0.0/32");
  EXPECT_EQ(name("0.0.0.1"), "0.0.0.0/8");
  EXPECT_EQ(name("192.0.0.9"), "") << "reachable, within a block that is not";
  EXPECT_EQ(name("192.0.0.11"), "192.0.0.0/24");
  EXPECT_EQ(name("192.31.196.1"), "");
  EXPECT_EQ(name("224.0.0.1"), "224.0.0.0/4");
  EXPECT_EQ(name("255.255.255.255"), "255.255.255.255/32");
  EXPECT_EQ(name("8.8.8.8"), "");
  EXPECT_EQ(name("2001:4860:4860::8888"), "") << "outside of 2001::/23";
  EXPECT_EQ(name("2001:0:1::1"), "2001::/32");
  EXPECT_EQ(name("2001:1::1"), "");
  EXPECT_EQ(name("2001:1::4"), "2001::/23");
  EXPECT_EQ(name("2001:20::1"), "");
  EXPECT_EQ(name("2001:db8::1"), "2001:db8::/32");
  EXPECT_EQ(name("fe80::1"), "fe80::/10");
  EXPECT_EQ(name("ff02::1"), "ff00::/8");
  EXPECT_EQ(name("::1"), "::1/128");
}

TEST(SpecialPurpose, AnAddressThatStandsForAnotherIsJudgedByThatToo) {
  EXPECT_NE(special_purpose_of(address("::ffff:8.8.8.8")), nullptr) << "never on a wire";
  EXPECT_STREQ(special_purpose_of(address("64:ff9b::10.0.0.1"))->prefix, "10.0.0.0/8");
  EXPECT_EQ(special_purpose_of(address("64:ff9b::8.8.8.8")), nullptr);
  EXPECT_EQ(embedded_v4(address("2002:c000:0201::1")), address("192.0.2.1"));
  EXPECT_EQ(embedded_v4(address("2001:db8::1")), IpAddress{});
  EXPECT_EQ(embedded_v4(address("192.0.2.1")), IpAddress{});
}

}  // namespace
}  // namespace spiderling
