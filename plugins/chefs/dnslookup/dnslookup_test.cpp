#include <gmock/gmock.h>

#include <boost/json/object.hpp>

#include "host_name.h"
#include "kitchen/kitchen.h"
#include "kitchen/test_frames.h"
#include "plugins/registry.h"
#include "recent_lookups.h"
#include "spiderling/dns_builder.h"
#include "wire/testing.h"

namespace spiderling::dnslookup {
namespace {

using spiderling::testing::FrameList;
using spiderling::testing::KeptDumplings;

const ChefDescription& the_chef() {
  const auto& chefs = Registry::built_in().chefs();
  return **std::ranges::find(chefs, std::string_view("DNSLookupChef"),
                             [](const auto* chef) { return std::string_view(chef->name); });
}

KeptDumplings run(const FrameList& frames) {
  KeptDumplings kept;
  Kitchen kitchen(
      {.name = "k", .poke_interval = std::chrono::hours(1), .time = KitchenOptions::Time::of_packets}, kept);
  EXPECT_TRUE(kitchen.take_on(the_chef()));
  kitchen.process(frames.frames());
  kitchen.finish();
  return kept;
}

void add_dns(FrameList& frames, Bytes message, double seconds, std::uint16_t port = 53) {
  PacketBuffer<1024> packet;
  packet.ethernet().ip4(
      {.source = testing::address("10.0.0.1"), .destination = testing::address("10.0.0.2")});
  frames.add(packet.udp({.source_port = 4000, .destination_port = port}).payload(message), seconds);
}

void add_query(FrameList& frames, std::string_view name, double seconds) {
  DnsBuffer<512> dns;
  add_dns(frames, dns.header(1, 0).question(name, dns_type::a).finish().value(), seconds);
}

TEST(DNSLookupChef, TellsEachLookupAndSumsThemUp) {
  FrameList frames;
  add_query(frames, "www.example.org", 100.5);
  add_query(frames, "example.com", 101);
  add_query(frames, "www.example.org", 102.25);
  const auto kept = run(frames).of("DNSLookupChef");
  ASSERT_EQ(kept.size(), 5u);
  EXPECT_EQ(kept[0], (boost::json::value{"interval", {{"lookups_seen", boost::json::object{}}}}));
  EXPECT_EQ(kept[1],
            (boost::json::value{"packet", {{"lookup", {{"hostname", "www.example.org"}, {"when", 100.5}}}}}));
  EXPECT_EQ(kept[2].at(1).at("lookup").at("hostname"), "example.com");
  const auto& seen = kept[4].at(1).at("lookups_seen");
  EXPECT_EQ(seen.at("www.example.org"), (boost::json::value{{"count", 2}, {"latest", 102.25}}));
  EXPECT_EQ(seen.at("example.com"), (boost::json::value{{"count", 1}, {"latest", 101.0}}));
}

TEST(DNSLookupChef, WhatHasNoQuestionIsNoLookup) {
  FrameList frames;
  DnsBuffer<512> dns;
  add_dns(frames, dns.header(1, dns_flag::response).finish().value(), 1);  // no question
  add_dns(frames, dns.header(1, 0).question("cut.example", 1).finish().value().first(16),
          1);                                                                        // cut in its name
  add_dns(frames, testing::hex("0001 0000 0001 0000 0000 0000 c00c 0001 0001"), 1);  // points at itself
  add_dns(frames, testing::hex("00"), 1);
  add_query(frames, "not.asked", 1);
  const auto kept = run(frames).of("DNSLookupChef");
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_EQ(kept[1].at(1).at("lookup").at("hostname"), "not.asked");
}

TEST(DNSLookupChef, TheRootHasNoName) {
  FrameList frames;
  add_query(frames, ".", 1);
  EXPECT_EQ(run(frames).of("DNSLookupChef")[1].at(1).at("lookup").at("hostname"), "");
}

std::string host_name_of(std::string_view text) {
  DnsBuffer<1024> dns;
  const Bytes message = dns.header(1, 0).question(text, 1).finish().value();
  return host_name(*DnsName::at(message, 12));
}

TEST(HostName, IsReadableWhereItCanBe) {
  EXPECT_EQ(host_name_of("a.example."), "a.example");
  EXPECT_EQ(host_name_of("B\\195\\188ro\\0321._ipp.local"), "Büro 1._ipp.local");
  EXPECT_EQ(host_name_of("first\\.last.example"), "first.last.example");
  EXPECT_EQ(host_name_of("bad\\255.example"), "bad\\255.example");
  EXPECT_EQ(host_name_of("bell\\007.example"), "bell\\007.example");
  EXPECT_EQ(host_name_of("c1\\194\\155.example"), "c1\\194\\155.example");  // U+009B steers terminals
  EXPECT_EQ(host_name_of("\\237\\160\\128"), "\\237\\160\\128");            // a surrogate
}

TEST(RecentLookups, ForgetTheOldestAndSaySo) {
  RecentLookups lookups;
  lookups.saw("kept", 0);
  for (std::size_t i = 1; i < RecentLookups::max_hosts; ++i) lookups.saw(std::to_string(i), 1);
  lookups.saw("kept", 2);
  EXPECT_EQ(lookups.forgotten(), 0u);
  lookups.saw("one more", 3);
  EXPECT_EQ(lookups.forgotten(), 1u);
  EXPECT_EQ(lookups.hosts().size(), RecentLookups::max_hosts);
  EXPECT_EQ(lookups.hosts().front().name, "2");
  EXPECT_EQ(std::next(lookups.hosts().rbegin())->name, "kept");
  EXPECT_EQ(std::next(lookups.hosts().rbegin())->count, 2u);
}

TEST(RecentLookups, LongNamesHaveABoundTogether) {
  RecentLookups lookups;
  for (int i = 0; i < 1000; ++i) lookups.saw(std::to_string(i) + std::string(1000, 'x'), 1);
  std::size_t bytes = 0;
  for (const auto& host : lookups.hosts()) bytes += host.name.size();
  EXPECT_LE(bytes, RecentLookups::max_name_bytes);
  EXPECT_EQ(lookups.hosts().size() + lookups.forgotten(), 1000u);
}

}  // namespace
}  // namespace spiderling::dnslookup
