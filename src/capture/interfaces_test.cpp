#include "capture/interfaces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spiderling {
namespace {

TEST(Interfaces, TakesTheDefaultRouteOfTheLowestMetric) {
  EXPECT_EQ("wlan0",
            default_interface_v4("Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
                                 "eth0 0000FEA9 00000000 0001 0 0 1 0000FFFF 0 0 0\n"
                                 "eth0 00000000 0101A8C0 0003 0 0 600 00000000 0 0 0\n"
                                 "wlan0 00000000 0101A8C0 0003 0 0 100 00000000 0 0 0\n"
                                 "down0 00000000 0101A8C0 0002 0 0 1 00000000 0 0 0\n"
                                 "* 00000000 00000000 0201 0 0 0 00000000 0 0 0\n"
                                 "tun0 00000000 00000000 0001 0 0 0 00000080 0 0 0\n"));
  EXPECT_EQ("", default_interface_v4(""));
  EXPECT_EQ("", default_interface_v4("Iface Destination\nshort 00000000\n"));
}

TEST(Interfaces, TakesTheDefaultRouteOfIpv6) {
  const std::string any(32, '0');
  const std::string line = any + " 00 " + any + " 00 fe800000000000000000000000000001 ";
  EXPECT_EQ("eth1", default_interface_v6(line + "00000400 00000001 00000000 00000003 eth0\n" + line +
                                         "00000100 00000001 00000000 00000003 eth1\n" + line +
                                         "00000001 00000001 00000000 00200200 lo\n"));
  EXPECT_EQ("", default_interface_v6(any + " 40 " + any + " 00 " + any + " 1 1 0 3 eth0\n"));
}

TEST(Interfaces, KnowsLoopback) {
  EXPECT_TRUE(interface_exists("lo"));
  EXPECT_FALSE(interface_exists("no-such-thing"));
  EXPECT_THAT(interface_names(), testing::HasSubstr("lo"));
}

}  // namespace
}  // namespace spiderling
