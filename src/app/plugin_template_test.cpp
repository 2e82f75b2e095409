#include "app/plugin_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace spiderling::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(PluginName, EitherWayOfWritingGivesBoth) {
  const struct {
    const char *text, *snake, *camel;
  } cases[] = {{"my_chain", "my_chain", "MyChain"},         {"MyChef", "my_chef", "MyChef"},
               {"DNSLookups", "dns_lookups", "DNSLookups"}, {"x", "x", "X"},
               {"http2_seen", "http2_seen", "Http2Seen"},   {"class", "class", "Class"}};
  for (const auto& one : cases) {
    const auto name = parse_plugin_name(one.text);
    ASSERT_TRUE(name.has_value()) << name.error().message;
    EXPECT_EQ(name->snake, one.snake);
    EXPECT_EQ(name->camel, one.camel);
  }
}

TEST(PluginName, WhatIsNoneIsRefused) {
  for (const char* text : {"", "2x", "_x", "x_", "a__b", "a-b", "a b", "a/b", "../x", "a.b", "\xc3\xa4",
                           "test", "Packet", "new_plugin", "all"}) {
    EXPECT_FALSE(parse_plugin_name(text).has_value()) << text;
  }
  EXPECT_TRUE(parse_plugin_name(std::string(40, 'x')).has_value());
  EXPECT_FALSE(parse_plugin_name(std::string(41, 'x')).has_value());
}

TEST(PluginName, WhatPythonNeedsItselfIsRefusedThere) {
  for (const char* text : {"class", "json", "unittest", "sys", "Time", "true", "pathspider"}) {
    const auto name = parse_plugin_name(text);
    ASSERT_TRUE(name.has_value()) << text;
    EXPECT_FALSE(check_python_name(*name).has_value()) << text;
  }
  EXPECT_TRUE(check_python_name(*parse_plugin_name("my_chain")).has_value());
}

TEST(Templates, InPythonThereIsNothingToBuild) {
  for (const std::string_view kind : {"chef_python", "chain_python", "measurement_python"}) {
    std::set<std::string> names;
    for (const FilledFile& file : fill_templates(kind, *parse_plugin_name("my_own"))) {
      names.insert(file.name);
      for (const char* placeholder : {"new_plugin", "NewPlugin", "new-plugin"})
        EXPECT_THAT(file.text, Not(HasSubstr(placeholder))) << kind << " " << file.name;
    }
    std::set<std::string> expected{"README.md", "my_own.py", "my_own_test.py"};
    if (kind == "measurement_python")
      expected = {"README.md", "lab.toml", "my_own_test.py", "pathspider/plugins/my_own.py"};
    EXPECT_EQ(names, expected) << kind;
  }
}

TEST(Templates, EveryKindHasABuildATestAndAReadme) {
  for (const char* kind : {"chef", "chain", "measurement"}) {
    std::set<std::string> names;
    for (const FilledFile& file : fill_templates(kind, *parse_plugin_name("my_own"))) {
      names.insert(file.name);
      for (const char* placeholder : {"new_plugin", "NewPlugin", "new-plugin"})
        EXPECT_THAT(file.text, Not(HasSubstr(placeholder))) << kind << " " << file.name;
    }
    for (const char* name : {"CMakeLists.txt", "README.md", "my_own.cpp", "my_own_test.cpp"})
      EXPECT_TRUE(names.contains(name)) << kind << " " << name;
  }
}

}  // namespace
}  // namespace spiderling::app
