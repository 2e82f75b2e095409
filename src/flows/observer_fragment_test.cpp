// Fragments belong to the flow of their first fragment, in whatever order they come.
#include <gtest/gtest.h>

#include "flows/test_observer.h"

namespace spiderling {
namespace {

using namespace testing;

class ObserverFragments : public ::testing::TestWithParam<IpVersion> {
 protected:
  const Hosts h = hosts(GetParam());
  // Three fragments.
  const std::vector<PacketBytes> parts =
      fragments_of(udp_packet(h.client, h.server, 3000, {.identification = 77}), 1200, 77);
  Watch watch;
};
INSTANTIATE_TEST_SUITE_P(Versions, ObserverFragments, ::testing::Values(IpVersion::v4, IpVersion::v6),
                         [](const auto& test) { return test.param == IpVersion::v4 ? "v4" : "v6"; });

TEST_P(ObserverFragments, InOrderAreOneFlow) {
  for (std::size_t i = 0; i < 3; ++i) watch.see(static_cast<std::int64_t>(i), parts[i]);
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].forward(), 3u);
  EXPECT_EQ(records[0].calls(Trail::udp_hook), 1u) << "only the first has a header";
  EXPECT_EQ(records[0].calls(Trail::l4_hook), 0u);
  EXPECT_EQ(records[0].trail.source_port, h.client.port);
  EXPECT_EQ(watch.counters().orphan_fragments, 0u);
  EXPECT_EQ(watch.counters().malformed, 0u);
}

TEST_P(ObserverFragments, OutOfOrderAreOneFlowThatBeginsWithTheOldest) {
  watch.see(0, parts[2]);
  watch.see(1 * second, parts[1]);
  EXPECT_EQ(watch.observer().live_flows(), 0u);
  watch.see(2 * second, parts[0]);
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].forward(), 3u);
  EXPECT_EQ(records[0].first_ns, start_ns);
  EXPECT_EQ(records[0].last_ns, start_ns + 2 * second);
  EXPECT_EQ(records[0].trail.source_port, h.client.port);
  EXPECT_EQ(watch.counters().packets, 3u);
}

TEST_P(ObserverFragments, HaveTheDirectionOfTheirDatagram) {
  watch.see(0, udp_packet(h.server, h.client));
  watch.see(1, parts[1]);
  watch.see(2, parts[0]);
  watch.see(3, parts[2]);
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].forward(), 1u);
  EXPECT_EQ(records[0].reverse(), 3u);
}

TEST_P(ObserverFragments, OfTwoDatagramsInterleavedStayApart) {
  Endpoint other = h.client;
  other.port = 41000;
  const auto other_parts = fragments_of(udp_packet(other, h.server, 3000, {.identification = 78}), 1200, 78);
  watch.see(0, parts[0]);
  watch.see(1, other_parts[1]);
  watch.see(2, parts[1]);
  watch.see(3, other_parts[0]);
  watch.see(4, other_parts[2]);
  watch.see(5, parts[2]);
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].forward(), 3u);
  EXPECT_EQ(records[1].forward(), 3u);
}

TEST_P(ObserverFragments, WithoutTheirFirstAreAFlowWithoutPortsAfterAMinute) {
  watch.see(0, parts[1]);
  watch.see(1, parts[2]);
  watch.clock(60 * second - 1);
  EXPECT_EQ(watch.observer().live_flows(), 0u);
  watch.clock(61 * second);
  EXPECT_EQ(watch.counters().orphan_fragments, 2u);
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].forward(), 2u);
  EXPECT_EQ(records[0].trail.source_port, 0);
  EXPECT_EQ(records[0].first_ns, start_ns);
}

TEST_P(ObserverFragments, WithoutTheirFirstAreEmittedAtTheEnd) {
  watch.see(0, parts[1]);
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(watch.counters().orphan_fragments, 1u);
  EXPECT_EQ(watch.counters().flows, 1u);
}

TEST_P(ObserverFragments, OfAProtocolWithoutPortsNeedNotWait) {
  const auto whole = other_packet(h.client, h.server, 50, 3000);
  const auto pieces = fragments_of(whole, 1200);
  watch.see(0, pieces[1]);
  EXPECT_EQ(watch.observer().live_flows(), 1u);
  watch.see(1, pieces[0]);
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].forward(), 2u);
  EXPECT_EQ(records[0].calls(Trail::l4_hook), 1u);
}

TEST_P(ObserverFragments, OfALargeEchoAreInItsFlow) {
  const PacketBytes data(3000, 0x61);
  const auto pieces =
      fragments_of(icmp_packet(h.client, h.server, GetParam() == IpVersion::v4 ? 8 : 128, data), 1200);
  watch.see(0, pieces[2]);
  watch.see(1, pieces[0]);
  watch.see(2, pieces[1]);
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].forward(), 3u);
  EXPECT_EQ(records[0].calls(Trail::icmp_hook), 1u);
}

TEST_P(ObserverFragments, AtomicFragmentsAreWhole) {
  if (GetParam() == IpVersion::v4) return;  // RFC 6946: only IPv6 has them
  const auto atomic = ip_packet(h.client, h.server, {}, [&](PacketBuilder& packet) {
    packet.ip6_fragment({.identification = 5})
        .udp({.source_port = 1, .destination_port = 2})
        .fill(Trail::last);
  });
  watch.see(0, atomic);
  watch.see(6 * second, atomic);
  EXPECT_EQ(watch.finish().size(), 2u) << "the first one's hook was called and ended it";
}

TEST_P(ObserverFragments, AFirstFragmentTooShortForPortsIsShort) {
  auto tiny = parts[0];
  const std::size_t header = GetParam() == IpVersion::v4 ? 20 : 48;
  tiny.resize(header + 2);
  if (GetParam() == IpVersion::v4) store_be16(tiny.data() + 2, 22);
  if (GetParam() == IpVersion::v6) store_be16(tiny.data() + 4, 10);
  watch.see(0, tiny);
  watch.see(1, parts[1]);
  EXPECT_EQ(watch.counters().short_packets, 1u);
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(watch.counters().orphan_fragments, 1u);
}

TEST_P(ObserverFragments, AreAddedToTheNextFlowWhereTheirsHasEnded) {
  watch.see(0, parts[0]);
  watch.see(40 * second, parts[1]);
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].first_ns, start_ns + 40 * second);
}

// All at one time, so that no timer ever runs: what is given up must not pile up.
TEST(ObserverFragmentFlood, HoldsABoundedNumberAndCountsTheRest) {
  const Hosts h = hosts(IpVersion::v4);
  Watch watch;
  auto later = fragments_of(udp_packet(h.client, h.server, 2000), 1200).at(1);
  auto first = fragments_of(udp_packet(h.client, h.server, 2000), 1200).at(0);
  std::uint64_t held_at_most = 0, seen_later = 0;
  for (std::uint32_t i = 0; i < 60'000; ++i) {
    const bool is_first = i % 20 != 0;
    auto& packet = is_first ? first : later;
    store_be16(packet.data() + 4, static_cast<std::uint16_t>(i));
    seen_later += is_first ? 0 : 1;
    watch.see(0, packet);
    held_at_most = std::max(held_at_most, seen_later - watch.counters().orphan_fragments);
  }
  EXPECT_LE(held_at_most, FragmentTracker::max_held_packets);
  watch.finish();
  EXPECT_EQ(watch.counters().orphan_fragments, seen_later);
  std::uint64_t in_records = 0;
  for (const Seen& record : watch.records()) in_records += record.forward();
  EXPECT_EQ(in_records, 60'000u);
}

TEST(ObserverFragmentFlood, OfOneDatagramIsBoundedToo) {
  const Hosts h = hosts(IpVersion::v4);
  Watch watch;
  const auto later = fragments_of(udp_packet(h.client, h.server, 2000), 1200).at(1);
  for (int i = 0; i < 5000; ++i) watch.see(0, later);
  EXPECT_EQ(watch.counters().orphan_fragments, 5000u - FragmentTracker::max_held_packets);
  watch.finish();
  EXPECT_EQ(watch.counters().orphan_fragments, 5000u);
}

}  // namespace
}  // namespace spiderling
