#include "campaign/line_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <set>
#include <vector>

namespace spiderling {
namespace {

TEST(LineSet, HoldsWhatWasAddedAndNothingElse) {
  std::mt19937_64 random(7);
  std::set<std::uint64_t> model;
  LineSet lines;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t line = random() % 100'000 + 1;
    EXPECT_EQ(lines.add(line), model.insert(line).second) << line;
  }
  EXPECT_EQ(lines.size(), model.size());
  for (std::uint64_t line = 0; line <= 200'000; ++line)
    ASSERT_EQ(lines.contains(line), model.contains(line)) << line;
}

TEST(LineSet, StretchesThatAreWholeAreStillThere) {
  std::vector<std::uint64_t> all(100'000);
  std::iota(all.begin(), all.end(), 1u);
  std::ranges::shuffle(all, std::mt19937_64(7));
  LineSet lines;
  for (const std::uint64_t line : all) ASSERT_TRUE(lines.add(line));
  for (const std::uint64_t line : all) {
    ASSERT_TRUE(lines.contains(line));
    ASSERT_FALSE(lines.add(line));
  }
  EXPECT_FALSE(lines.contains(0));
  EXPECT_FALSE(lines.contains(100'001));
  EXPECT_EQ(lines.size(), all.size());
}

TEST(LineSet, NoListHasSuchLines) {
  LineSet lines;
  EXPECT_FALSE(lines.add(0));
  EXPECT_FALSE(lines.add(LineSet::last_line + 1));
  EXPECT_FALSE(lines.add(~std::uint64_t{0}));
  EXPECT_FALSE(lines.contains(~std::uint64_t{0}));
  EXPECT_EQ(lines.size(), 0u);
}

}  // namespace
}  // namespace spiderling
