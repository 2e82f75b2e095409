#include "flows/fragment_tracker.h"

#include <gtest/gtest.h>

#include "flows/test_packets.h"
#include "wire/testing.h"

namespace spiderling {
namespace {

using namespace testing;

constexpr std::int64_t minute = 60 * second;

struct Fragment {
  Fragment(PacketBytes fragment_bytes, std::int64_t time_ns) : bytes(std::move(fragment_bytes)) {
    Dissector::dissect(packet, bytes, static_cast<std::uint32_t>(bytes.size()), time_ns, LinkType::raw_ip);
    key = FragmentTracker::key_of(packet);
  }
  PacketBytes bytes;
  Packet packet;
  FragmentTracker::DatagramKey key;
};

// Fragment `index` of the datagram `identification`, 1400 bytes each.
Fragment fragment(std::uint32_t identification, std::size_t index, std::int64_t time_ns = start_ns,
                  IpVersion version = IpVersion::v4) {
  const Hosts h = hosts(version);
  const auto whole =
      udp_packet(h.client, h.server, 4000, {.identification = static_cast<std::uint16_t>(identification)});
  return {fragments_of(whole, 1400, identification).at(index), time_ns};
}

FlowId flow(std::uint64_t number) { return {{{number, 0, 0, 0, 0}}, number, 0, true}; }

class FragmentTrackerTest : public ::testing::TestWithParam<IpVersion> {};
INSTANTIATE_TEST_SUITE_P(Versions, FragmentTrackerTest, ::testing::Values(IpVersion::v4, IpVersion::v6),
                         [](const auto& test) { return test.param == IpVersion::v4 ? "v4" : "v6"; });

TEST_P(FragmentTrackerTest, FindsTheFlowOfTheFirstFragment) {
  FragmentTracker tracker;
  const Fragment first = fragment(1, 0, start_ns, GetParam()), later = fragment(1, 1, start_ns, GetParam());
  EXPECT_EQ(tracker.find(later.key), nullptr);
  EXPECT_TRUE(tracker.first_seen(first.key, flow(42), start_ns).empty());
  const FlowId* const found = tracker.find(later.key);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->hash, 42u);
  EXPECT_EQ(tracker.find(fragment(2, 1, start_ns, GetParam()).key), nullptr);
}

TEST_P(FragmentTrackerTest, GivesHeldFragmentsToTheFirstOldestFirst) {
  FragmentTracker tracker;
  const Fragment first = fragment(1, 0, start_ns + 3, GetParam());
  const Fragment second_one = fragment(1, 1, start_ns + 2, GetParam()),
                 third = fragment(1, 2, start_ns + 1, GetParam());
  ASSERT_TRUE(tracker.hold(third.key, third.packet));
  ASSERT_TRUE(tracker.hold(second_one.key, second_one.packet));
  EXPECT_EQ(tracker.find(third.key), nullptr);
  const auto waiting = tracker.first_seen(first.key, flow(1), start_ns + 3);
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_TRUE(std::ranges::equal(waiting[0]->data(), third.bytes));
  EXPECT_TRUE(std::ranges::equal(waiting[1]->data(), second_one.bytes));
  EXPECT_NE(waiting[0]->data().data(), third.bytes.data()) << "must be a copy";
}

TEST(FragmentTracker, TellsDatagramsApart) {
  const Fragment one = fragment(1, 0);
  EXPECT_EQ(one.key, fragment(1, 1).key);
  EXPECT_NE(one.key, fragment(2, 0).key);
  EXPECT_NE(one.key, fragment(1, 0, start_ns, IpVersion::v6).key);
  auto reversed = one.key;
  std::swap(reversed.source, reversed.destination);
  EXPECT_NE(one.key, reversed) << "each direction numbers its own";
  auto other_protocol = one.key;
  other_protocol.protocol = 6;
  EXPECT_NE(one.key, other_protocol);
}

TEST(FragmentTracker, GivesUpAfterAMinute) {
  FragmentTracker tracker;
  const Fragment later = fragment(1, 1), first = fragment(2, 0);
  ASSERT_TRUE(tracker.hold(later.key, later.packet));
  tracker.first_seen(first.key, flow(2), start_ns);
  EXPECT_TRUE(tracker.expire(start_ns + minute - 1).empty());
  EXPECT_NE(tracker.find(first.key), nullptr);
  const auto orphans = tracker.expire(start_ns + minute);
  ASSERT_EQ(orphans.size(), 1u);
  EXPECT_TRUE(std::ranges::equal(orphans[0]->data(), later.bytes));
  EXPECT_EQ(tracker.find(first.key), nullptr);
  EXPECT_TRUE(tracker.empty());
}

TEST(FragmentTracker, GivesEverythingBackAtTheEnd) {
  FragmentTracker tracker;
  for (std::uint32_t i = 0; i < 10; ++i) {
    const Fragment later = fragment(i, 1);
    ASSERT_TRUE(tracker.hold(later.key, later.packet));
  }
  EXPECT_EQ(tracker.expire(start_ns, true).size(), 10u);
  EXPECT_TRUE(tracker.empty());
}

TEST(FragmentTracker, AReusedIdentificationNamesTheNewFlowAndLivesAnew) {
  FragmentTracker tracker;
  const Fragment first = fragment(1, 0);
  tracker.first_seen(first.key, flow(1), start_ns);
  tracker.first_seen(first.key, flow(2), start_ns + 50 * second);
  ASSERT_NE(tracker.find(first.key), nullptr);
  EXPECT_EQ(tracker.find(first.key)->hash, 2u);
  tracker.expire(start_ns + 70 * second);
  ASSERT_NE(tracker.find(first.key), nullptr) << "forgotten with the datagram before it";
  tracker.expire(start_ns + 110 * second);
  EXPECT_EQ(tracker.find(first.key), nullptr);
}

// One packet from the far future must not keep the others from being given up.
TEST(FragmentTracker, GivesUpInTheOrderOfTimes) {
  FragmentTracker tracker;
  const Fragment future = fragment(1, 1, start_ns + 1000 * minute), now = fragment(2, 1);
  ASSERT_TRUE(tracker.hold(future.key, future.packet));
  ASSERT_TRUE(tracker.hold(now.key, now.packet));
  const auto orphans = tracker.expire(start_ns + minute);
  ASSERT_EQ(orphans.size(), 1u);
  EXPECT_TRUE(std::ranges::equal(orphans[0]->data(), now.bytes));
}

TEST(FragmentTracker, HoldsABoundedNumberOfPackets) {
  FragmentTracker tracker;
  const Fragment later = fragment(1, 2);  // the last, small one
  for (std::size_t i = 0; i < FragmentTracker::max_held_packets; ++i)
    ASSERT_TRUE(tracker.hold(later.key, later.packet));
  EXPECT_FALSE(tracker.hold(later.key, later.packet));
  EXPECT_EQ(tracker.first_seen(later.key, flow(1), start_ns).size(), FragmentTracker::max_held_packets);
  EXPECT_TRUE(tracker.hold(fragment(9, 1).key, later.packet)) << "there is room again";
}

TEST(FragmentTracker, HoldsABoundedNumberOfBytes) {
  FragmentTracker tracker;
  const Hosts h = hosts(IpVersion::v4);
  const Fragment later{fragments_of(udp_packet(h.client, h.server, 65000), 33000).at(1), start_ns};
  std::size_t held = 0;
  while (tracker.hold(later.key, later.packet)) ++held;
  EXPECT_LE(held * later.bytes.size(), FragmentTracker::max_held_bytes);
  EXPECT_GT((held + 1) * later.bytes.size(), FragmentTracker::max_held_bytes);
  EXPECT_EQ(tracker.expire(0, true).size(), held);
  EXPECT_TRUE(tracker.hold(later.key, later.packet));
}

TEST(FragmentTracker, RemembersABoundedNumberOfDatagrams) {
  FragmentTracker tracker;
  const Fragment waiting = fragment(0, 1);
  ASSERT_TRUE(tracker.hold(waiting.key, waiting.packet));
  auto key = fragment(1, 0).key;
  for (std::uint32_t i = 1; i <= FragmentTracker::max_datagrams; ++i) {
    key.identification = i;
    tracker.first_seen(key, flow(i), start_ns + i);
  }
  const auto orphans = tracker.expire(start_ns + 1);
  EXPECT_EQ(orphans.size(), 1u) << "the oldest made room, and is given back";
  EXPECT_NE(tracker.find(key), nullptr);
}

}  // namespace
}  // namespace spiderling
