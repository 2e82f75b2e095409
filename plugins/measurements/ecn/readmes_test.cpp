// Every measurement's README.md tells of its conditions what the measurement declares.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "plugins/registry.h"

namespace spiderling {
namespace {

std::vector<std::string> condition_rows(const std::string& readme) {
  std::vector<std::string> rows;
  std::size_t at = readme.find("| condition | when |");
  for (int line = 0; at != std::string::npos && at < readme.size() && readme[at] == '|'; ++line) {
    const std::size_t end = std::min(readme.find('\n', at), readme.size());
    if (line >= 2) rows.push_back(readme.substr(at, end - at));
    at = end + 1;
  }
  return rows;
}

std::string readme_of(const std::string& name) {
  for (const FoundPlugin& one : Registry::built_in().plugins()) {
    if (one.plugin->kind == PluginKind::measurement && one.plugin->name == name)
      return Registry::built_in().readme(one);
  }
  return {};
}

TEST(MeasurementReadmes, HaveTheConditionsThatTheMeasurementsDeclare) {
  for (const MeasurementDescription* one : Registry::built_in().measurements()) {
    const std::string readme = readme_of(one->name);
    EXPECT_TRUE(readme.starts_with("# ")) << one->name << " has no README.md in the program";
    std::vector<std::string> expected;
    for (const ConditionMeaning& condition : one->conditions)
      expected.push_back(fmt::format("| `{}` | {} |", condition.name, condition.meaning));
    EXPECT_THAT(condition_rows(readme), ::testing::ElementsAreArray(expected)) << one->name;
    EXPECT_EQ(expected.empty(), std::string_view(one->name) == "dnsresolv") << one->name;
  }
}

}  // namespace
}  // namespace spiderling
