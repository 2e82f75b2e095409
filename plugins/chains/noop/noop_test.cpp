#include <gtest/gtest.h>

#include "app/test_run_chain.h"

namespace spiderling {
namespace {

using namespace testing;

TEST(NoopChain, GivesTheTimesOfTheFlowAlone) {
  for (const IpVersion version : both_versions) {
    const Hosts h = hosts(version);
    const std::vector<PacketBytes> packets{tcp_packet(h.client, h.server, tcp_flag::syn),
                                           tcp_packet(h.server, h.client, tcp_flag::rst)};
    const Json record = run_chain("noop", packets);
    EXPECT_EQ(record.members.size(), 2u);
    expect_fields(record, "pkt_first=1600000000.0 pkt_last=1600000000.001");
    EXPECT_FALSE(completes("noop", packets));
  }
}

}  // namespace
}  // namespace spiderling
