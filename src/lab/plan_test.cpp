#include "lab/plan.h"

#include <gtest/gtest.h>

namespace spiderling::lab {
namespace {

Host host(std::uint32_t count, bool v4 = true, bool v6 = true) {
  Host h;
  h.count = count;
  h.ipv4 = v4;
  h.ipv6 = v6;
  return h;
}

AddressPlan plan_of(std::vector<Host> hosts) {
  Scenario scenario;
  scenario.hosts = std::move(hosts);
  return AddressPlan::of(scenario).value();
}

TEST(Plan, EveryHostHasPrefixesOfItsOwn) {
  const AddressPlan plan = plan_of({host(10), host(70'000), host(5, false), host(5, true, false)});
  EXPECT_EQ("10.1.0.0/16", plan.prefix(0, IpVersion::v4)->to_string());
  EXPECT_EQ("10.2.0.0/15", plan.prefix(1, IpVersion::v4)->to_string());
  EXPECT_EQ(nullptr, plan.prefix(2, IpVersion::v4));
  EXPECT_EQ("10.4.0.0/16", plan.prefix(3, IpVersion::v4)->to_string());
  EXPECT_EQ("fd53:7069:6465:200::/64", plan.prefix(1, IpVersion::v6)->to_string());
  EXPECT_EQ(nullptr, plan.prefix(3, IpVersion::v6));
}

TEST(Plan, AddressesAndTargetsAreOneToOne) {
  const AddressPlan plan = plan_of({host(3), host(70'000)});
  EXPECT_EQ("10.1.0.1", plan.address({0, IpVersion::v4, 0}).to_string());
  EXPECT_EQ("fd53:7069:6465:100::3", plan.address({0, IpVersion::v6, 2}).to_string());
  EXPECT_EQ("10.3.17.112", plan.address({1, IpVersion::v4, 69'999}).to_string());
  for (const Target target : {Target{0, IpVersion::v4, 2}, Target{1, IpVersion::v4, 69'999},
                              Target{1, IpVersion::v6, 0}, Target{1, IpVersion::v6, 65'535}})
    EXPECT_EQ(target, plan.find(plan.address(target)));
}

TEST(Plan, OtherAddressesAreNoTargets) {
  const AddressPlan plan = plan_of({host(3)});
  for (const char* other : {"10.1.0.0", "10.1.0.4", "10.2.0.1", "192.0.2.1", "fd53:7069:6465:100::",
                            "fd53:7069:6465:100::4", "fd53:7069:6465:100:1::1", "fd53:7069:6465:200::1"})
    EXPECT_EQ(std::nullopt, plan.find(*IpAddress::parse(other))) << other;
}

TEST(Plan, SaysWhenIpv4IsFull) {
  Scenario scenario;
  scenario.hosts = {host(4'000'000), host(4'000'000), host(4'000'000), host(4'000'000)};
  scenario.hosts[3].name = "last";
  const auto plan = AddressPlan::of(scenario);
  ASSERT_FALSE(plan);
  EXPECT_EQ("no room for so many IPv4 targets: 10.0.0.0/8 is full at host 'last'", plan.error().message);
}

}  // namespace
}  // namespace spiderling::lab
