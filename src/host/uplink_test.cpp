#include "host/uplink.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>

#include "host/namespaces.h"
#include "host/program.h"

namespace spiderling {
namespace {

// A namespace of the test's own, with a link in it whose other end is there too.
class UplinkTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, run the tests with sudo to cover this";
    if (!find_program("ip")) GTEST_SKIP() << "SKIPPED: needs the program ip (package iproute2)";
    auto made = NetworkNamespace::make();
    ASSERT_TRUE(made) << made.error().message;
    there_.emplace(std::move(*made));
    ip({"link", "add", "near", "type", "veth", "peer", "name", "far"});
    ip({"link", "set", "far", "up"});
    come_back();
  }

  void ip(std::vector<std::string> words) {
    ProgramRun run;
    run.words = std::move(words);
    run.words.insert(run.words.begin(), "ip");
    run.network = &*there_;
    const auto done = run_to_success(run);
    ASSERT_TRUE(done) << done.error().message;
  }
  void come_back() {
    ip({"link", "set", "near", "up"});
    ip({"addr", "replace", "198.51.100.9/24", "dev", "near"});
    ip({"addr", "replace", "2001:db8:9::9/64", "dev", "near", "nodad"});
    ip({"route", "replace", "default", "via", "198.51.100.1", "dev", "near"});
    ip({"-6", "route", "replace", "default", "via", "2001:db8:9::77", "dev", "near"});
  }
  Uplink open() {
    const auto inside = InNamespace::enter(*there_);
    EXPECT_TRUE(inside);
    auto opened = Uplink::open("near");
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }

  std::optional<NetworkNamespace> there_;
};

TEST_F(UplinkTest, AllIsThere) {
  Uplink uplink = open();
  EXPECT_EQ(uplink.what_is_away(), "");
  ASSERT_TRUE(uplink.gateway());
  EXPECT_EQ(uplink.gateway()->to_string(), "198.51.100.1");
}

TEST_F(UplinkTest, AnInterfaceThatIsDownIsAwayUntilItsRoutesAreBack) {
  Uplink uplink = open();
  ip({"link", "set", "near", "down"});
  EXPECT_EQ(uplink.what_is_away(), "near is down");
  ip({"link", "set", "near", "up"});
  // The kernel brings the address of IPv4 back, but not its default route.
  EXPECT_EQ(uplink.what_is_away(), "the IPv4 default route through near is gone");
  come_back();
  EXPECT_EQ(uplink.what_is_away(), "");
}

TEST_F(UplinkTest, ACableThatIsPulledIsAway) {
  Uplink uplink = open();
  ip({"link", "set", "far", "down"});
  EXPECT_EQ(uplink.what_is_away(), "near has no carrier");
  ip({"link", "set", "far", "up"});
  const std::string at_once = uplink.what_is_away();
  EXPECT_TRUE(at_once == "near was down for a moment" || at_once == "near has no carrier") << at_once;
}

TEST_F(UplinkTest, WhatHappensBetweenTwoLooksIsToldOnce) {
  Uplink uplink = open();
  ip({"link", "set", "near", "down"});
  come_back();
  EXPECT_EQ(uplink.what_is_away(), "near was down for a moment");
  EXPECT_EQ(uplink.what_is_away(), "");
}

TEST_F(UplinkTest, EachDefaultRouteThatWasThereIsMissed) {
  Uplink uplink = open();
  ip({"route", "del", "default"});
  EXPECT_EQ(uplink.what_is_away(), "the IPv4 default route through near is gone");
  come_back();
  ip({"-6", "route", "del", "default"});
  EXPECT_EQ(uplink.what_is_away(), "the IPv6 default route through near is gone");
  come_back();
  EXPECT_EQ(uplink.what_is_away(), "");
}

TEST_F(UplinkTest, ARouteThatWasNeverThereIsNotMissed) {
  ip({"-6", "route", "del", "default"});
  Uplink uplink = open();
  EXPECT_EQ(uplink.what_is_away(), "");
  ip({"route", "replace", "unreachable", "default"});
  EXPECT_EQ(uplink.what_is_away(), "the IPv4 default route through near is gone");
}

TEST_F(UplinkTest, AnInterfaceThatIsTakenAwayIsGone) {
  Uplink uplink = open();
  ip({"link", "delete", "near"});
  EXPECT_EQ(uplink.what_is_away(), "near is gone");
  const auto inside = InNamespace::enter(*there_);
  EXPECT_FALSE(Uplink::open("near"));
}

}  // namespace
}  // namespace spiderling
