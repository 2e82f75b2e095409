#include "connect/port_allocator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace spiderling {
namespace {

IpAddress target(std::uint8_t last) {
  const std::uint8_t bytes[] = {192, 0, 2, last};
  return IpAddress::v4(bytes);
}

TEST(PortAllocator, GoesRoundTheWholeRangeBeforeAPairComesBack) {
  PortAllocator ports({50'000, 50'099}, 1000);
  std::vector<std::uint16_t> first_round, second_round;
  for (int i = 0; i < 100; ++i) first_round.push_back(ports.take(target(1), 80)->port());
  for (int i = 0; i < 100; ++i) second_round.push_back(ports.take(target(1), 80)->port());
  EXPECT_EQ(std::set(first_round.begin(), first_round.end()).size(), 100u);
  EXPECT_EQ(*std::min_element(first_round.begin(), first_round.end()), 50'000);
  EXPECT_EQ(*std::max_element(first_round.begin(), first_round.end()), 50'099);
  EXPECT_EQ(first_round, second_round);
  EXPECT_EQ(ports.in_use(), 0u);
}

TEST(PortAllocator, APairIsInUseOnceAndAPortServesManyDestinations) {
  PortAllocator ports({50'000, 50'003}, 1000);
  std::vector<PortLease> leases;
  for (std::uint8_t last = 1; last <= 50; ++last) {
    std::set<std::uint16_t> of_this_target;
    for (int i = 0; i < 4; ++i) {
      auto lease = ports.take(target(last), 80);
      ASSERT_TRUE(lease) << lease.error().message;
      of_this_target.insert(lease->port());
      leases.push_back(std::move(*lease));
    }
    EXPECT_EQ(of_this_target.size(), 4u);
  }
  EXPECT_EQ(ports.in_use(), 200u);
  const auto fifth = ports.take(target(7), 80);
  ASSERT_FALSE(fifth);
  EXPECT_EQ(fifth.error().message,
            "every local port from 50000 to 50003 is in use towards 192.0.2.7 port 80");
  EXPECT_TRUE(ports.take(target(7), 81)) << "another port of the same target is another destination";
}

TEST(PortAllocator, APortInUseIsPassedOver) {
  PortAllocator ports({50'000, 50'003}, 1000);
  const auto held = ports.take(target(1), 80);
  for (int i = 0; i < 20; ++i) EXPECT_NE(ports.take(target(1), 80)->port(), held->port());
}

TEST(PortAllocator, GivesBackWhenTheLeaseEndsAndOnlyThen) {
  PortAllocator ports({50'000, 50'000}, 1000);
  auto lease = ports.take(target(1), 80);
  ASSERT_TRUE(lease);
  PortLease moved = std::move(*lease);
  lease->give_back();  // it has nothing any more
  EXPECT_FALSE(ports.take(target(1), 80));
  moved.give_back();
  EXPECT_EQ(moved.port(), 0);
  EXPECT_TRUE(ports.take(target(1), 80));
}

TEST(PortAllocator, ALeaseMayOutliveItsAllocator) {
  PortLease lease;
  {
    PortAllocator ports({50'000, 50'000}, 1000);
    lease = std::move(*ports.take(target(1), 80));
  }
  EXPECT_EQ(lease.port(), 50'000);
}

TEST(PortAllocator, KeepsToItsLimit) {
  PortAllocator ports({50'000, 59'999}, 2);
  const auto one = ports.take(target(1), 80), two = ports.take(target(2), 80),
             three = ports.take(target(3), 80);
  EXPECT_TRUE(one && two);
  ASSERT_FALSE(three);
  EXPECT_EQ(three.error().message, "2 local ports are in use, which is the limit");
}

TEST(PortAllocator, AnEmptyRangeHasNoPort) {
  PortAllocator ports({2, 1}, 10);
  EXPECT_FALSE(ports.take(target(1), 80));
}

TEST(PortAllocator, DestinationsStartAtDifferentPorts) {
  PortAllocator ports({40'000, 59'999}, 1000);
  std::set<std::uint16_t> first;
  for (std::uint8_t last = 0; last < 100; ++last) first.insert(ports.take(target(last), 80)->port());
  EXPECT_GT(first.size(), 80u);
}

TEST(PortAllocator, TheDefaultRangeIsTheUpperHalfOfTheKernels) {
  const PortRange range = default_port_range();
  EXPECT_GT(range.size(), 0u);
  EXPECT_GT(range.first, 1);
}

}  // namespace
}  // namespace spiderling
