#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "address_book.h"
#include "spiderling/testing.h"

namespace spiderling::arp {
namespace {

using spiderling::testing::Packets;

constexpr MacAddress first_mac{{0, 0x11, 0x22, 0xaa, 0xbb, 0xcc}};
constexpr MacAddress second_mac{{0, 0x11, 0x22, 0xaa, 0xbb, 0xdd}};

std::vector<Payload> run(const Packets& packets) {
  const auto done = spiderling::testing::run_chef("ARPChef", packets);
  EXPECT_EQ(done.failures, 0u);
  return done.of_packets();
}

void add(Packets& packets, std::uint16_t operation, MacAddress sender, std::string_view address) {
  PacketBuffer<128> packet;
  packets.add(packet.ethernet().arp({.operation = operation,
                                     .sender_hardware = sender,
                                     .sender_address = *IpAddress::parse(address),
                                     .target_hardware = second_mac,
                                     .target_address = *IpAddress::parse("10.0.0.9")}));
}

TEST(ARPChef, SaysWhoAsksForWhom) {
  Packets packets;
  packets.wait(std::chrono::milliseconds(500));
  add(packets, 1, first_mac, "10.0.0.1");
  EXPECT_THAT(run(packets), ::testing::ElementsAre(Payload{{"operation", "request"},
                                                           {"src_hw", "00:11:22:aa:bb:cc"},
                                                           {"src_ip", "10.0.0.1"},
                                                           {"dst_hw", "00:11:22:aa:bb:dd"},
                                                           {"dst_ip", "10.0.0.9"},
                                                           {"time", 1600000000.5},
                                                           {"notes", nullptr}}));
}

TEST(ARPChef, NotesWhatIsNewInAReply) {
  Packets packets;
  add(packets, 2, first_mac, "10.0.0.1");
  add(packets, 2, first_mac, "10.0.0.1");
  add(packets, 2, second_mac, "10.0.0.1");
  add(packets, 1, first_mac, "10.0.0.1");  // a request tells nothing
  add(packets, 2, second_mac, "10.0.0.1");
  const auto payloads = run(packets);
  ASSERT_EQ(payloads.size(), 5u);
  EXPECT_EQ(payloads[0].at("operation"), "reply");
  EXPECT_EQ(payloads[0].at("notes"), "source device is new");
  EXPECT_EQ(payloads[1].at("notes"), nullptr);
  EXPECT_EQ(payloads[2].at("notes"), "source device has new IP address");
  EXPECT_EQ(payloads[3].at("notes"), nullptr);
  EXPECT_EQ(payloads[4].at("notes"), nullptr);
}

TEST(ARPChef, OtherOperationsAreTheirNumber) {
  Packets packets;
  add(packets, 9, first_mac, "10.0.0.1");
  EXPECT_EQ(run(packets).at(0).at("operation"), 9);
}

TEST(ARPChef, MalformedMessagesMakeNoDumpling) {
  Packets packets{"frame hex=ffffffffffff00112233445508060001080006",        // cut
                  "frame hex=ffffffffffff0011223344550806ffffffffffff0001",  // lengths beyond the end
                  "frame hex=ffffffffffff0011223344550806"};                 // nothing
  add(packets, 1, first_mac, "10.0.0.1");
  EXPECT_EQ(run(packets).size(), 1u);
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
