// A folder for the files of one test, gone with it.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace spiderling {

class TestCampaignFolder {
 public:
  TestCampaignFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "campaign-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  TestCampaignFolder(const TestCampaignFolder&) = delete;
  ~TestCampaignFolder() { std::filesystem::remove_all(path_); }

  std::string file(const std::string& name) const { return (path_ / name).string(); }

  static std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace spiderling
