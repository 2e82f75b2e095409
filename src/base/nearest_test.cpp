#include "base/nearest.h"

#include <gtest/gtest.h>

namespace spiderling {
namespace {

TEST(EditDistance, CountsTheFewestChanges) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("tcp", "tcp"), 0u);
  EXPECT_EQ(edit_distance("", "tcp"), 3u);
  EXPECT_EQ(edit_distance("tcp", ""), 3u);
  EXPECT_EQ(edit_distance("tcp", "udp"), 2u);
  EXPECT_EQ(edit_distance("tpc", "tcp"), 1u) << "a swap of neighbours is one change";
  EXPECT_EQ(edit_distance("tcpopt", "tcp"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("ab", "ba"), edit_distance("ba", "ab"));
}

TEST(EditDistance, DoesNotGrowWithHugeNames) {
  const std::string huge(1'000'000, 'x');
  EXPECT_EQ(edit_distance(huge, huge), 0u);
  EXPECT_EQ(edit_distance(huge, "x"), 63u) << "what is behind the longest of names is not looked at";
}

TEST(DidYouMean, NamesTheNearestFirst) {
  const std::vector<std::string_view> chains{"basic", "dns", "tcp", "tcpopt", "tfo", "udp"};
  EXPECT_EQ(did_you_mean("basci", chains), "did you mean 'basic'?");
  EXPECT_EQ(did_you_mean("tcpop", chains), "did you mean 'tcpopt' or 'tcp'?");
  EXPECT_EQ(did_you_mean("BASIC", std::vector<std::string_view>{"basic"}), "there are basic");
}

TEST(DidYouMean, NamesAtMostThree) {
  const std::vector<std::string_view> known{"aa1", "aa2", "aa3", "aa4"};
  EXPECT_EQ(did_you_mean("aa", known), "did you mean 'aa1', 'aa2' or 'aa3'?");
}

TEST(DidYouMean, NamesAllWhereNoneIsNear) {
  const std::vector<std::string_view> known{"basic", "dns"};
  EXPECT_EQ(did_you_mean("something_else", known), "there are basic, dns");
}

}  // namespace
}  // namespace spiderling
