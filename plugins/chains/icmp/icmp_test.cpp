#include <gtest/gtest.h>

#include "app/test_run_chain.h"

namespace spiderling {
namespace {

using namespace testing;

class IcmpChain : public ::testing::TestWithParam<IpVersion> {
 protected:
  PacketBytes error(std::uint8_t type, const Endpoint& to, const PacketBytes& about) const {
    return icmp_packet(h.router, to, type, about);
  }
  std::uint8_t unreachable_type() const { return GetParam() == IpVersion::v4 ? 3 : 1; }
  const Hosts h = hosts(GetParam());
  const PacketBytes there = tcp_packet(h.client, h.server, tcp_flag::syn);
  const PacketBytes back = tcp_packet(h.server, h.client, tcp_flag::syn | tcp_flag::ack);
};
INSTANTIATE_TEST_SUITE_P(Versions, IcmpChain, ::testing::ValuesIn(both_versions),
                         [](const auto& test) { return test.param == IpVersion::v4 ? "v4" : "v6"; });

TEST_P(IcmpChain, AnUnreachableAboutAForwardPacketCompletesTheFlow) {
  const std::vector<PacketBytes> packets{there, error(unreachable_type(), h.client, there)};
  expect_fields(run_chain("icmp", packets), "icmp_unreachable=true");
  EXPECT_TRUE(completes("icmp", packets));
}

TEST_P(IcmpChain, AnUnreachableAboutAReversePacketDoesNotCount) {
  const std::vector<PacketBytes> packets{there, back, error(unreachable_type(), h.server, back)};
  expect_fields(run_chain("icmp", packets), "icmp_unreachable=false");
  EXPECT_FALSE(completes("icmp", packets));
}

TEST_P(IcmpChain, OtherErrorsDoNotCount) {
  const bool v4 = GetParam() == IpVersion::v4;
  for (const std::uint8_t type :
       v4 ? std::vector<std::uint8_t>{4, 5, 11, 12} : std::vector<std::uint8_t>{2, 3, 4}) {
    const std::vector<PacketBytes> packets{there, error(type, h.client, there)};
    expect_fields(run_chain("icmp", packets), "icmp_unreachable=false");
    EXPECT_FALSE(completes("icmp", packets)) << int{type};
  }
}

TEST_P(IcmpChain, IsFalseWithoutICMP) {
  expect_fields(run_chain("icmp", {there, back}), "icmp_unreachable=false");
}

}  // namespace
}  // namespace spiderling
