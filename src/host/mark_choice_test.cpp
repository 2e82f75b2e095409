#include "host/mark_choice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace spiderling {
namespace {

PolicyRule rule_for(std::uint32_t mark, std::uint32_t mask) {
  return {.preference = 100, .mark = mark, .mask = mask, .table = 100, .protocol = 4};
}

TEST(MarkChoice, AreDifferentAndUnderTheMask) {
  const auto marks = choose_marks(most_marks, {}, "");
  ASSERT_TRUE(marks);
  EXPECT_EQ(marks->size(), most_marks);
  for (const auto mark : *marks) {
    EXPECT_NE(mark, 0U);
    EXPECT_EQ(mark & ~mark_mask, 0U);
    EXPECT_EQ(std::ranges::count(*marks, mark), 1);
  }
  EXPECT_FALSE(choose_marks(most_marks + 1, {}, ""));
  EXPECT_TRUE(choose_marks(0, {}, "").value().empty());
}

TEST(MarkChoice, RulesThatMindAreAvoided) {
  const std::vector<PolicyRule> rules = {rule_for(0x01000000, 0xff000000), rule_for(0x02000000, mark_mask)};
  const auto marks = choose_marks(2, rules, "");
  ASSERT_TRUE(marks);
  EXPECT_EQ(*marks, (std::vector<std::uint32_t>{0x03000000, 0x04000000}));
}

TEST(MarkChoice, RulesThatDoNotMindAreNotInTheWay) {
  // WireGuard's way: everything that has not this one mark.
  PolicyRule other_than = rule_for(0xca6c, 0xffffffff);
  other_than.inverted = true;
  const std::vector<PolicyRule> rules = {
      other_than, rule_for(1, 0xff), {.preference = 32766, .table = main_table}};
  EXPECT_TRUE(choose_marks(most_marks, rules, ""));
}

TEST(MarkChoice, ARuleThatNeedsTheBitsToBeZeroIsInTheWay) {
  const std::vector<PolicyRule> rules = {rule_for(0, mark_mask)};
  const auto marks = choose_marks(1, rules, "");
  ASSERT_FALSE(marks);
  EXPECT_NE(marks.error().message.find("ip rule"), std::string::npos) << marks.error().message;
  EXPECT_NE(marks.error().message.find("100"), std::string::npos);
}

TEST(MarkChoice, BitsThatNftUsesAreAvoided) {
  const std::string ruleset =
      "table inet mine {\n\tchain c {\n\t\tmeta mark & 0x03000000 == 0x01000000 counter packets 50331648 "
      "bytes 5\n"
      "\t\tct mark set 0x04000000\n\t\ttcp dport 16777216\n\t}\n}\n";
  const auto marks = choose_marks(3, {}, ruleset);
  ASSERT_TRUE(marks);
  for (const auto mark : *marks) EXPECT_EQ(mark & 0x07000000, 0U) << std::hex << mark;
}

TEST(MarkChoice, WholeMarksOfOtherSpiderlingsAreAvoided) {
  const std::string ruleset =
      "table inet spiderling_7_1 {\n\tchain output {\n\t\tmeta mark & 0x7f000000 == 0x01000000 tcp flags set "
      "syn\n\t}\n}\n";
  EXPECT_EQ(choose_marks(2, {}, ruleset).value(), (std::vector<std::uint32_t>{0x02000000, 0x03000000}));
}

TEST(MarkChoice, AllBitsUsedIsAnErrorThatSaysSo) {
  const auto marks = choose_marks(1, {}, "meta mark set 0x55000000\nmeta mark set 0x2a000000\n");
  ASSERT_FALSE(marks);
  EXPECT_NE(marks.error().message.find("nft"), std::string::npos) << marks.error().message;
}

TEST(MarkChoice, LowMarksOfOthersAreNotInTheWay) {
  EXPECT_EQ(
      choose_marks(1, {}, "meta mark 0x00004000 accept\nmeta mark & 0xffffffff == 0x1 drop").value().front(),
      0x01000000U);
  EXPECT_TRUE(choose_marks(1, {}, "mark 99999999999999999999 0x 0xg mark"));
}

}  // namespace
}  // namespace spiderling
