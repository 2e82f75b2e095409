// Plugins are found by their files: no Python is started here.
#include "plugins/python_measurements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace spiderling {
namespace {

namespace fs = std::filesystem;

class PythonPluginsTest : public ::testing::Test {
 protected:
  PythonPluginsTest() {
    char name[] = "/tmp/python_plugins_XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~PythonPluginsTest() override { fs::remove_all(folder_); }

  std::string file(const std::string& path) {
    const fs::path whole = folder_ / path;
    fs::create_directories(whole.parent_path());
    std::ofstream(whole) << "raise RuntimeError\n";
    return whole.string();
  }
  // Without what may be installed on this machine.
  std::vector<std::string> found(const std::string& python_path) {
    std::vector<std::string> names;
    for (const PythonPluginModule& one : find_python_plugins(python_path))
      if (one.file.string().starts_with(folder_.string())) names.push_back(one.name);
    return names;
  }

  fs::path folder_;
};

TEST_F(PythonPluginsTest, ModulesAndPackagesOfEveryFolderOfThePath) {
  file("a/pathspider/plugins/__init__.py");
  file("a/pathspider/plugins/one.py");
  file("a/pathspider/plugins/_hidden.py");
  file("a/pathspider/plugins/notes.txt");
  file("a/pathspider/plugins/packed/__init__.py");
  file("a/pathspider/plugins/no_package/part.py");
  file("b/pathspider/plugins/two.py");
  file("b/pathspider/other.py");
  const std::string a = (folder_ / "a").string(), b = (folder_ / "b").string();
  EXPECT_THAT(found(a + ":" + b), ::testing::ElementsAre("one", "packed", "two"));
  EXPECT_THAT(found("::" + b + ":" + folder_.string() + "/none:"), ::testing::ElementsAre("two"));
  EXPECT_THAT(found(""), ::testing::IsEmpty());
}

TEST_F(PythonPluginsTest, OfOneNameTheFirstOnThePathCounts) {
  file("a/pathspider/plugins/one.py");
  const std::string second = file("b/pathspider/plugins/one.py");
  const auto list = find_python_plugins((folder_ / "b").string() + ":" + (folder_ / "a").string());
  const auto one = std::ranges::find(list, "one", &PythonPluginModule::name);
  ASSERT_NE(one, list.end());
  EXPECT_EQ(one->file, second);
}

TEST_F(PythonPluginsTest, OfTheCurrentFolderOnlyWhatNobodyElseMayChange) {
  const fs::path one = file("pathspider/plugins/one.py");
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  const auto has_one = [](const std::string& python_path) {
    const auto list = find_python_plugins(python_path);
    return std::ranges::find(list, "one", &PythonPluginModule::name) != list.end();
  };
  EXPECT_TRUE(has_one(""));
  EXPECT_EQ(why_current_folder_is_passed_over(), "");
  for (const fs::path& open : {one, one.parent_path(), one.parent_path().parent_path()}) {
    const fs::perms usual = fs::status(open).permissions();
    fs::permissions(open, usual | fs::perms::others_write);
    EXPECT_FALSE(has_one("")) << open;
    EXPECT_THAT(why_current_folder_is_passed_over(), ::testing::HasSubstr("anybody may write to it")) << open;
    EXPECT_TRUE(has_one(".")) << "it is named";
    fs::permissions(open, usual);
  }
  fs::current_path(before);
}

}  // namespace
}  // namespace spiderling
