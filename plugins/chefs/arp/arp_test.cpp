#include <gmock/gmock.h>

#include "address_book.h"
#include "kitchen/kitchen.h"
#include "kitchen/test_frames.h"
#include "plugins/registry.h"
#include "wire/testing.h"

namespace spiderling::arp {
namespace {

using spiderling::testing::FrameList;
using spiderling::testing::KeptDumplings;

constexpr MacAddress first_mac{{0, 0x11, 0x22, 0xaa, 0xbb, 0xcc}};
constexpr MacAddress second_mac{{0, 0x11, 0x22, 0xaa, 0xbb, 0xdd}};

std::vector<boost::json::value> run(const FrameList& frames) {
  KeptDumplings kept;
  Kitchen kitchen({.name = "k", .time = KitchenOptions::Time::of_packets}, kept);
  const auto& chefs = Registry::built_in().chefs();
  EXPECT_TRUE(kitchen.take_on(**std::ranges::find(
      chefs, std::string_view("ARPChef"), [](const auto* chef) { return std::string_view(chef->name); })));
  kitchen.process(frames.frames());
  kitchen.finish();
  return kept.of("ARPChef");
}

void add(FrameList& frames, std::uint16_t operation, MacAddress sender, std::string_view address) {
  PacketBuffer<128> packet;
  frames.add(packet.ethernet().arp({.operation = operation,
                                    .sender_hardware = sender,
                                    .sender_address = testing::address(address),
                                    .target_hardware = second_mac,
                                    .target_address = testing::address("10.0.0.9")}),
             1000.5);
}

TEST(ARPChef, SaysWhoAsksForWhom) {
  FrameList frames;
  add(frames, 1, first_mac, "10.0.0.1");
  const auto kept = run(frames);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0], (boost::json::value{"packet",
                                         {{"operation", "request"},
                                          {"src_hw", "00:11:22:aa:bb:cc"},
                                          {"src_ip", "10.0.0.1"},
                                          {"dst_hw", "00:11:22:aa:bb:dd"},
                                          {"dst_ip", "10.0.0.9"},
                                          {"time", 1000.5},
                                          {"notes", nullptr}}}));
}

TEST(ARPChef, NotesWhatIsNewInAReply) {
  FrameList frames;
  add(frames, 2, first_mac, "10.0.0.1");
  add(frames, 2, first_mac, "10.0.0.1");
  add(frames, 2, second_mac, "10.0.0.1");
  add(frames, 1, first_mac, "10.0.0.1");  // a request tells nothing
  add(frames, 2, second_mac, "10.0.0.1");
  const auto kept = run(frames);
  ASSERT_EQ(kept.size(), 5u);
  EXPECT_EQ(kept[0].at(1).at("operation"), "reply");
  EXPECT_EQ(kept[0].at(1).at("notes"), "source device is new");
  EXPECT_EQ(kept[1].at(1).at("notes"), nullptr);
  EXPECT_EQ(kept[2].at(1).at("notes"), "source device has new IP address");
  EXPECT_EQ(kept[3].at(1).at("notes"), nullptr);
  EXPECT_EQ(kept[4].at(1).at("notes"), nullptr);
}

TEST(ARPChef, OtherOperationsAreTheirNumber) {
  FrameList frames;
  add(frames, 9, first_mac, "10.0.0.1");
  EXPECT_EQ(run(frames)[0].at(1).at("operation"), 9);
}

TEST(ARPChef, MalformedMessagesMakeNoDumpling) {
  FrameList frames;
  frames.add(testing::hex("ffffffffffff 001122334455 0806 0001 0800 06"));          // cut
  frames.add(testing::hex("ffffffffffff 001122334455 0806 ffff ffff ff ff 0001"));  // lengths beyond the end
  frames.add(testing::hex("ffffffffffff 001122334455 0806"));                       // nothing
  add(frames, 1, first_mac, "10.0.0.1");
  EXPECT_EQ(run(frames).size(), 1u);
}

TEST(AddressBook, ForgetsTheOldestAndSaysSo) {
  AddressBook book;
  IpAddress address = *IpAddress::parse("10.0.0.0");
  for (std::uint32_t i = 0; i <= AddressBook::max_addresses; ++i) {
    store_be32(address.bytes.data(), i);
    EXPECT_FALSE(book.note(address, first_mac));
  }
  EXPECT_EQ(book.forgotten(), 1u);
  EXPECT_EQ(book.note(address, second_mac), first_mac);
  store_be32(address.bytes.data(), 0);
  EXPECT_FALSE(book.note(address, second_mac));
  EXPECT_EQ(book.forgotten(), 2u);
}

}  // namespace
}  // namespace spiderling::arp
