#include "host/sysctl.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace spiderling {
namespace {

TEST(Sysctl, NamesLeadNowhereElse) {
  for (const char* good :
       {"net.ipv4.tcp_ecn", "net.ipv4.conf.eth0/100.rp_filter", "net.ipv6.conf.br-lan.mtu", "a"})
    EXPECT_TRUE(is_sysctl_name(good)) << good;
  for (const char* bad : {"", ".", "/", "..", "../etc/passwd", "net..ipv4", "net/../x", "net./x", "a/.b",
                          ".net", "net.", "/etc/passwd", "net.ipv4 tcp", "net\n", "a//b", "a%b"})
    EXPECT_FALSE(is_sysctl_name(bad)) << bad;
  EXPECT_FALSE(is_sysctl_name(std::string(129, 'a')));
  EXPECT_FALSE(is_sysctl_name(std::string("a\0b", 3)));
}

TEST(Sysctl, BlanksAreOne) {
  EXPECT_EQ(with_single_blanks("4096\t131072\t6291456\n"), "4096 131072 6291456");
  EXPECT_EQ(with_single_blanks("  2 \n"), "2");
  EXPECT_EQ(with_single_blanks("\n"), "");
}

class ProcSysctlsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/sysctl-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    std::filesystem::create_directories(root_ / "net/ipv4/conf/eth0.100");
    std::ofstream(root_ / "net/ipv4/tcp_ecn") << "2\n";
    std::ofstream(root_ / "net/ipv4/conf/eth0.100/rp_filter") << "0\n";
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::filesystem::path root_;
};

TEST_F(ProcSysctlsTest, ReadsWhatItWrote) {
  ProcSysctls sysctls(root_);
  EXPECT_EQ(sysctls.read("net.ipv4.tcp_ecn").value(), "2");
  ASSERT_TRUE(sysctls.write("net.ipv4.tcp_ecn", "1"));
  EXPECT_EQ(sysctls.read("net.ipv4.tcp_ecn").value(), "1");
  EXPECT_EQ(sysctls.read("net.ipv4.conf.eth0/100.rp_filter").value(), "0");
}

TEST_F(ProcSysctlsTest, WhatIsNotThereIsNamed) {
  ProcSysctls sysctls(root_);
  EXPECT_NE(sysctls.read("net.ipv4.none").error().message.find("net.ipv4.none"), std::string::npos);
  EXPECT_FALSE(sysctls.write("net.ipv4.none", "1"));
  EXPECT_FALSE(std::filesystem::exists(root_ / "net/ipv4/none"));
  EXPECT_FALSE(sysctls.read("net.ipv4"));  // a folder
  EXPECT_FALSE(sysctls.read("../etc/passwd"));
  EXPECT_FALSE(sysctls.write("net.ipv4.tcp_ecn", std::string(5000, '1')));
}

TEST(Sysctl, TheKernelsOwnAreRead) {
  ProcSysctls sysctls;
  const auto type = sysctls.read("kernel.ostype");
  ASSERT_TRUE(type) << type.error().message;
  EXPECT_EQ(*type, "Linux");
}

}  // namespace
}  // namespace spiderling
