#include "campaign/echo_probe.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "host/capabilities.h"
#include "host/namespaces.h"

namespace spiderling {
namespace {

using namespace std::chrono_literals;

Timestamp at(std::chrono::milliseconds after) { return Timestamp(1'000'000s) + after; }

class EchoProbeTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!has_capability(Capability::sys_admin))
      GTEST_SKIP() << "SKIPPED: needs root, run the tests with sudo to cover this";
    auto made = NetworkNamespace::make();
    ASSERT_TRUE(made) << made.error().message;
    there_.emplace(std::move(*made));
  }
  EchoProbe open() {
    const auto inside = InNamespace::enter(*there_);
    EXPECT_TRUE(inside);
    auto probe = EchoProbe::open(*IpAddress::parse(GetParam()));
    EXPECT_TRUE(probe) << probe.error().message;
    return std::move(*probe);
  }
  // Time as the probe is told it; what is sent and answered is real.
  static void look_until_answered(EchoProbe& probe, Timestamp asked) {
    for (int i = 0; i < 2000 && probe.last_good() < asked; ++i) {
      probe.look(asked);
      std::this_thread::sleep_for(1ms);
    }
    EXPECT_EQ(probe.last_good(), asked);
  }

  std::optional<NetworkNamespace> there_;
};

TEST_P(EchoProbeTest, IsAnsweredByWhoIsThere) {
  EchoProbe probe = open();
  probe.look(at(0ms));
  look_until_answered(probe, at(1000ms));
  look_until_answered(probe, at(2000ms));
  EXPECT_FALSE(probe.is_silent(at(2500ms)));
  EXPECT_FALSE(probe.is_silent(at(5500ms)));
  EXPECT_TRUE(probe.is_silent(at(5501ms)));
}

TEST_P(EchoProbeTest, OnlyItsOwnAnswersCount) {
  EchoProbe asking = open(), silent = open();
  silent.look(at(0ms));
  // The other one's answers come to this socket as well; its own one request is from long ago.
  for (int i = 1; i <= 20; ++i) look_until_answered(asking, at(i * 1000ms));
  silent.look(at(500ms));
  EXPECT_LE(silent.last_good(), at(0ms));
}

INSTANTIATE_TEST_SUITE_P(Versions, EchoProbeTest, testing::Values("127.0.0.1", "::1"));

TEST(EchoProbe, NobodyIsSilent) {
  if (!has_capability(Capability::sys_admin))
    GTEST_SKIP() << "SKIPPED: needs root, run the tests with sudo to cover this";
  const auto made = NetworkNamespace::make();
  ASSERT_TRUE(made) << made.error().message;
  const auto inside = InNamespace::enter(*made);
  ASSERT_TRUE(inside);
  auto probe = EchoProbe::open(*IpAddress::parse("192.0.2.1"));  // there is no route to it
  ASSERT_TRUE(probe) << probe.error().message;
  for (std::chrono::milliseconds time = 0ms; time <= 3500ms; time += 100ms) {
    probe->look(at(time));
    EXPECT_FALSE(probe->is_silent(at(time)));
  }
  probe->look(at(3600ms));
  EXPECT_TRUE(probe->is_silent(at(3600ms)));
}

}  // namespace
}  // namespace spiderling
