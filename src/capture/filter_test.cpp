#include "capture/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capture/link_types.h"
#include "capture/live_filter.h"

namespace spiderling {
namespace {

TEST(Filter, CompilesForEveryKnownLinkType) {
  for (const LinkType link_type : known_link_types)
    EXPECT_TRUE(compile_filter("tcp port 80 or icmp6", link_type, 65535)) << static_cast<int>(link_type);
}

TEST(Filter, KnowsBothByteOrdersOfBsdLoopback) {
  const std::uint8_t little[24] = {2, 0, 0, 0, 0x45};
  const std::uint8_t big[24] = {0, 0, 0, 2, 0x45};
  const auto for_little = compile_filter("ip", LinkType::null, 65535, false);
  const auto for_big = compile_filter("ip", LinkType::null, 65535, true);
  EXPECT_TRUE(for_little->matches(little, 24, 24));
  EXPECT_FALSE(for_little->matches(big, 24, 24));
  EXPECT_TRUE(for_big->matches(big, 24, 24));
  EXPECT_FALSE(for_big->matches(little, 24, 24));
}

TEST(Filter, ReadsNothingBehindWhatWasCaptured) {
  const auto program = compile_filter("tcp[tcpflags] & tcp-syn != 0", LinkType::ethernet, 65535);
  for (std::uint32_t size = 0; size < 60; ++size) {
    const std::vector<std::uint8_t> exact(size, 0x45);
    EXPECT_FALSE(program->matches(exact.data(), size, 1500));
  }
}

TEST(Filter, SaysWhatLibpcapSaid) {
  const auto program = compile_filter("host and", LinkType::ethernet, 65535);
  ASSERT_FALSE(program);
  EXPECT_THAT(program.error().message,
              testing::AllOf(testing::HasSubstr("'host and'"), testing::HasSubstr("syntax")));
}

TEST(LiveFilter, OneAboutLinkHeadersNeedsSome) {
  EXPECT_TRUE(LiveFilter::compile("ether broadcast", LinkKind::ethernet, 100));
  EXPECT_TRUE(LiveFilter::compile("ether broadcast", LinkKind::mixed, 100));
  EXPECT_FALSE(LiveFilter::compile("ether broadcast", LinkKind::raw_ip, 100));
  EXPECT_TRUE(LiveFilter::compile("", LinkKind::raw_ip, 100)->empty());
}

}  // namespace
}  // namespace spiderling
