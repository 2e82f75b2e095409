#include "plugins/python_chains.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace spiderling {
namespace {

namespace fs = std::filesystem;

class PythonChainNameTest : public ::testing::Test {
 protected:
  PythonChainNameTest() {
    fs::create_directories(folder_ / "package");
    std::ofstream(folder_ / "module.py") << "";
    std::ofstream(folder_ / "package" / "__init__.py") << "";
  }
  ~PythonChainNameTest() override { fs::remove_all(folder_); }

  std::string read(const std::string& word, const std::string& path) const {
    const auto name = python_chain_name(word, path);
    return name ? name->module + "|" + name->chain : "none";
  }
  const fs::path folder_ = fs::temp_directory_path() / ("python_chain_name_" + std::to_string(::getpid()));
};

TEST_F(PythonChainNameTest, IsReadFromWhatSaysPython) {
  EXPECT_EQ("my|MyChain", read("my:MyChain", ""));
  EXPECT_EQ("a/my.py|", read("a/my.py", ""));
  EXPECT_EQ("a/my.py|MyChain", read("a/my.py:MyChain", ""));
  EXPECT_EQ("pathspider.chains.tcp|", read("pathspider.chains.tcp", ""));
}

TEST_F(PythonChainNameTest, IsAPlainWordOnlyWhereThereIsSuchAModule) {
  EXPECT_EQ("none", read("module", ""));
  EXPECT_EQ("none", read("module", "/nonexistent::"));
  EXPECT_EQ("module|", read("module", "/nonexistent:" + folder_.string()));
  EXPECT_EQ("package|", read("package", folder_.string() + ":/nonexistent"));
  EXPECT_EQ("none", read("other", folder_.string()));
}

TEST_F(PythonChainNameTest, IsAFolderOfModulesOfTheCurrentFolder) {
  fs::create_directories(folder_ / "made");
  fs::create_directories(folder_ / "native");
  std::ofstream(folder_ / "made" / "made.py") << "";
  std::ofstream(folder_ / "native" / "native.cpp") << "";
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  EXPECT_EQ("made|", read("made", ""));
  EXPECT_EQ("none", read("native", ""));
  EXPECT_EQ("none", read("other", ""));
  fs::current_path(before);
  EXPECT_EQ("none", read("made", folder_.string())) << "Python does not look into folders of its path";
}

TEST_F(PythonChainNameTest, IsNothingWithoutAModuleOrBehindTheColon) {
  for (const char* word : {"", ":", ":MyChain", "module:"})
    EXPECT_EQ("none", read(word, folder_.string())) << word;
}

}  // namespace
}  // namespace spiderling
