#include "app/plugin_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spiderling::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Words = std::vector<std::string>;

TEST(TakePluginWords, TakesBothFormsOfBothOptionsAndLeavesTheRest) {
  Words words{"-i",           "lo", "--plugin", "a.so", "--plugin-dir=b", "basic", "--plugin=c.so",
              "--plugin-dir", "d"};
  const auto search = take_plugin_words(words);
  ASSERT_TRUE(search);
  EXPECT_THAT(search->files, ElementsAre("a.so", "c.so"));
  EXPECT_THAT(search->folders, ElementsAre("b", "d"));
  EXPECT_THAT(words, ElementsAre("-i", "lo", "basic"));
}

TEST(TakePluginWords, LeavesWhatIsBehindTwoDashes) {
  Words words{"exec", "--", "--plugin", "a.so"};
  const auto search = take_plugin_words(words);
  ASSERT_TRUE(search);
  EXPECT_TRUE(search->files.empty());
  EXPECT_THAT(words, ElementsAre("exec", "--", "--plugin", "a.so"));
}

TEST(TakePluginWords, WantsAValue) {
  for (Words words : {Words{"--plugin"}, Words{"--plugin-dir"}, Words{"--plugin="}, Words{"--plugin", ""}}) {
    const auto search = take_plugin_words(words);
    ASSERT_FALSE(search);
    EXPECT_THAT(search.error().message, HasSubstr("wants a value"));
  }
  Words others{"--plugins", "--plugin-directory", "x"};
  EXPECT_TRUE(take_plugin_words(others));
  EXPECT_THAT(others, ElementsAre("--plugins", "--plugin-directory", "x"));
}

}  // namespace
}  // namespace spiderling::app
