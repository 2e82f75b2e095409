#include "host/found_settings.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "host/fake_host.h"

namespace spiderling {
namespace {

namespace fs = std::filesystem;

class FoundSettings : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/found-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { fs::remove_all(root_); }

  void put(const fs::path& name, const std::string& value, fs::perms mode = fs::perms(0644)) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << value << "\n";
    fs::permissions(root_ / name, mode);
  }
  std::vector<std::string> names(const std::vector<std::string>& interfaces = {}) const {
    std::vector<std::string> list;
    for (const Undo& undo : found_settings(interfaces, root_)) list.push_back(std::get<UndoFound>(undo).name);
    return list;
  }

  fs::path root_;
};

TEST_F(FoundSettings, AreThoseThatCanBeReadAndWritten) {
  put("net/ipv4/tcp_ecn", "2");
  put("net/ipv4/tcp_rmem", "4096\t131072\t6291456");
  put("net/ipv4/route/flush", "", fs::perms(0200));
  put("net/netfilter/nf_conntrack_count", "7", fs::perms(0444));
  put("net/ipv4/tcp_fastopen_key", "0-0-0-0");
  put("net/ipv4/long", std::string(2000, '1'));
  put("kernel/hostname", "x");
  std::map<std::string, std::string> found;
  for (const Undo& undo : found_settings({}, root_)) {
    const auto& one = std::get<UndoFound>(undo);
    found[one.name] = one.before;
  }
  EXPECT_EQ(found, (std::map<std::string, std::string>{{"net.ipv4.tcp_ecn", "2"},
                                                       {"net.ipv4.tcp_rmem", "4096 131072 6291456"}}));
}

TEST_F(FoundSettings, OfAnInterfaceComeFirstAndSoAreUndoneLast) {
  put("net/ipv4/ip_forward", "0");
  for (const char* interface : {"all", "default", "eth0.100", "other"})
    put(fs::path("net/ipv4/conf") / interface / "forwarding", "0");
  EXPECT_EQ(names({"eth0.100"}),
            (std::vector<std::string>{"net.ipv4.conf.eth0/100.forwarding", "net.ipv4.conf.default.forwarding",
                                      "net.ipv4.conf.all.forwarding", "net.ipv4.ip_forward"}));
  EXPECT_EQ(names().size(), 3U);
}

TEST_F(FoundSettings, AreNoMoreThanAJournalHolds) {
  for (int i = 0; i < 3000; ++i) put("net/ipv4/setting" + std::to_string(i), "1");
  EXPECT_LE(names().size(), 2000U);
}

TEST_F(FoundSettings, OfNoKernelAreNone) { EXPECT_TRUE(names().empty()); }

}  // namespace
}  // namespace spiderling
