// The names beside scapy's own: tests/sniff/scapy_oracle.py.
#include <gmock/gmock.h>

#include <boost/json/serialize.hpp>

#include "kitchen/kitchen.h"
#include "kitchen/test_frames.h"
#include "layer_counter.h"
#include "plugins/registry.h"
#include "wire/testing.h"
#include "wire/testing_packets.h"

namespace spiderling::packetcount {
namespace {

using spiderling::testing::FrameList;
using spiderling::testing::KeptDumplings;

std::string counts_of(Bytes bytes, LinkType link_type = LinkType::ethernet) {
  LayerCounter counter;
  counter.count(testing::dissect(bytes, link_type));
  return boost::json::serialize(counter.counts());
}

std::string counts_of_sample(std::string_view name) {
  for (const auto& sample : testing::sample_packets()) {
    if (sample.name == name) return counts_of(sample.bytes, sample.link_type);
  }
  return "no such sample";
}

TEST(LayerCounter, NamesTheLayersAsScapyDoes) {
  EXPECT_EQ(counts_of_sample("ethernet"), R"({"Ethernet":1,"IP":1,"TCP":1})");
  EXPECT_EQ(counts_of_sample("qinq"), R"({"Ethernet":1,"802.1Q":1,"802_1AD":1,"IP":1,"UDP":1,"Raw":1})");
  EXPECT_EQ(counts_of_sample("mpls"), R"({"Ethernet":1,"MPLS":2,"IP":1,"UDP":1,"Raw":1})");
  EXPECT_EQ(counts_of_sample("arp"), R"({"Ethernet":1,"ARP":1,"Padding":1})");
  EXPECT_EQ(counts_of_sample("padded"), R"({"Ethernet":1,"IP":1,"UDP":1,"Raw":1,"Padding":1})");
  EXPECT_EQ(counts_of_sample("cooked"), R"({"cooked linux":1,"IP":1,"TCP":1})");
  EXPECT_EQ(counts_of_sample("null6"), R"({"Loopback":1,"IPv6":1,"TCP":1})");
  EXPECT_EQ(counts_of_sample("raw"), R"({"IP":1,"TCP":1})");
  EXPECT_EQ(counts_of_sample("dns_udp"), R"({"IP":1,"UDP":1,"DNS":1})");
  EXPECT_EQ(counts_of_sample("dns_tcp"), R"({"IPv6":1,"TCP":1,"DNS":1})");
  EXPECT_EQ(counts_of_sample("icmp_echo"), R"({"IP":1,"ICMP":1,"Raw":1})");
  EXPECT_EQ(counts_of_sample("icmp4_error"), R"({"IP":1,"ICMP":1,"IP in ICMP":1,"TCP in ICMP":1})");
  EXPECT_EQ(counts_of_sample("ip4_later_fragment"), R"({"IP":1,"Raw":1})");
  EXPECT_EQ(counts_of_sample("ip_in_ip"), R"({"IP":2,"TCP":1,"Raw":1})");
  EXPECT_EQ(counts_of_sample("vxlan"), R"({"Ethernet":2,"IP":1,"IPv6":1,"TCP":1,"UDP":1,"VXLAN":1,"Raw":1})");
  EXPECT_EQ(
      counts_of_sample("ip6_extensions"),
      R"({"IPv6":1,"IPv6 Extension Header - Hop-by-Hop Options Header":1,"IPv6 Option Header Routing":1,)"
      R"("IPv6 Extension Header - Destination Options Header":2,"TCP":1,"Raw":1})");
}

TEST(LayerCounter, TakesAnyBytes) {
  EXPECT_EQ(counts_of({}), R"({"Raw":1})");
  EXPECT_EQ(counts_of(testing::hex("ffffffffffff 001122334455 0806 00")), R"({"Ethernet":1,"ARP":1})");
  EXPECT_EQ(counts_of(testing::hex("ffffffffffff 001122334455 0026 42420300")),
            R"({"802.3":1,"LLC":1,"Raw":1})");
  EXPECT_EQ(counts_of(testing::hex("ffffffffffff 001122334455 88cc 0102")), R"({"Ethernet":1,"Raw":1})");
  EXPECT_EQ(counts_of(testing::hex("ffffffffffff 001122334455 0800 4f00")), R"({"Ethernet":1,"Raw":1})");
  for (const auto& sample : testing::sample_packets()) {
    for (std::size_t size = 0; size <= sample.bytes.size(); ++size) {
      const testing::ExactCopy cut(Bytes(sample.bytes).first(size));
      counts_of(cut.bytes(), sample.link_type);
    }
  }
}

TEST(PacketCountChef, CountsFromTheStartOn) {
  FrameList frames;
  PacketBuffer<128> packet;
  frames.add(packet.ethernet().arp({.operation = 1}), 1);
  frames.add(packet.clear().ethernet().arp({.operation = 1}), 7);
  KeptDumplings kept;
  Kitchen kitchen({.name = "k", .time = KitchenOptions::Time::of_packets}, kept);
  const auto& chefs = Registry::built_in().chefs();
  ASSERT_TRUE(
      kitchen.take_on(**std::ranges::find(chefs, std::string_view("PacketCountChef"),
                                          [](const auto* chef) { return std::string_view(chef->name); })));
  kitchen.process(frames.frames());
  kitchen.finish();
  const auto dumplings = kept.of("PacketCountChef");
  ASSERT_EQ(dumplings.size(), 3u);
  EXPECT_EQ(boost::json::serialize(dumplings[0]), R"(["interval",{"packet_counts":{}}])");
  EXPECT_EQ(boost::json::serialize(dumplings[1]), R"(["interval",{"packet_counts":{"Ethernet":1,"ARP":1}}])");
  EXPECT_EQ(boost::json::serialize(dumplings[2]), R"(["interval",{"packet_counts":{"Ethernet":2,"ARP":2}}])");
}

}  // namespace
}  // namespace spiderling::packetcount
