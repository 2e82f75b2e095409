#include "lab/edits.h"

#include <gtest/gtest.h>

#include "spiderling/builder.h"
#include "wire/checksum.h"
#include "wire/dissect.h"

namespace spiderling::lab {
namespace {

std::vector<std::uint8_t> segment(bool v6, std::uint8_t flags, std::initializer_list<OptionBytes> options,
                                  std::string_view data = {}) {
  PacketBuffer<2048> buffer;
  if (v6)
    buffer.ip6({.source = *IpAddress::parse("2001:db8::1"), .destination = *IpAddress::parse("2001:db8::2")});
  else
    buffer.ip4({.source = *IpAddress::parse("192.0.2.1"), .destination = *IpAddress::parse("192.0.2.2")},
               {ip4_option::router_alert()});
  const auto bytes = buffer.tcp({.source_port = 1000, .destination_port = 80, .flags = flags}, options)
                         .payload(data)
                         .finish();
  return {bytes->begin(), bytes->end()};
}

Packet dissect(const std::vector<std::uint8_t>& bytes) {
  Packet packet;
  Dissector::dissect_ip(packet, bytes, static_cast<std::uint32_t>(bytes.size()), 0);
  return packet;
}

int mss_of(const std::vector<std::uint8_t>& bytes) {
  const auto option = dissect(bytes).tcp()->options().find(TcpOptionKind::maximum_segment_size);
  return option ? load_be16(option->data.data()) : -1;
}

TEST(Edits, RaisesTheMssAtAnyOffsetAndKeepsTheChecksumRight) {
  for (const bool v6 : {false, true}) {
    for (int nops = 0; nops < 5; ++nops) {
      OptionBytes before;
      for (int i = 0; i < nops; ++i) before.append8(1);
      for (const std::string_view data : {"", "x", "xy"}) {
        auto packet =
            segment(v6, tcp_flag::syn, {before, tcp_option::mss(1460), tcp_option::sack_permitted()}, data);
        EXPECT_TRUE(bound_mss(packet, MssBound::at_least, 8960));
        EXPECT_EQ(8960, mss_of(packet));
        EXPECT_EQ(ChecksumState::good, verify_transport_checksum(dissect(packet))) << nops << data;
      }
    }
  }
}

TEST(Edits, LowersTheMss) {
  auto packet = segment(true, tcp_flag::syn | tcp_flag::ack, {OptionBytes{1}, tcp_option::mss(1460)});
  EXPECT_TRUE(bound_mss(packet, MssBound::at_most, 536));
  EXPECT_EQ(536, mss_of(packet));
  EXPECT_EQ(ChecksumState::good, verify_transport_checksum(dissect(packet)));
  EXPECT_FALSE(bound_mss(packet, MssBound::at_most, 536));
}

TEST(Edits, AWrongChecksumStaysWrong) {
  auto packet = segment(true, tcp_flag::syn, {tcp_option::mss(1460)});
  packet.back() ^= 1;
  EXPECT_TRUE(bound_mss(packet, MssBound::at_least, 8960));
  EXPECT_EQ(ChecksumState::bad, verify_transport_checksum(dissect(packet)));
}

TEST(Edits, LeavesAloneWhatIsNoSynWithLess) {
  const std::vector<std::vector<std::uint8_t>> others = {
      segment(false, tcp_flag::ack, {tcp_option::mss(1460)}),
      segment(false, tcp_flag::syn, {tcp_option::mss(9000)}),
      segment(false, tcp_flag::syn, {tcp_option::sack_permitted()}),
      segment(false, tcp_flag::syn, {tcp_option::any(2, 3, {})}),
      segment(false, tcp_flag::syn, {tcp_option::any(2, 40, {})}),
      {},
      {0x45},
  };
  for (const auto& other : others) {
    auto packet = other;
    EXPECT_FALSE(bound_mss(packet, MssBound::at_least, 8960));
    EXPECT_EQ(other, packet);
  }
}

TEST(Edits, NothingIsReadOrWrittenPastACutPacket) {
  const auto whole = segment(false, tcp_flag::syn, {OptionBytes{1}, tcp_option::mss(1460)});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::unique_ptr<std::uint8_t[]> exact(
        new std::uint8_t[size]);  // AddressSanitizer sees a step beyond
    std::copy_n(whole.begin(), size, exact.get());
    bound_mss({exact.get(), size}, MssBound::at_least, 8960);
    is_syn_with_data({exact.get(), size});
  }
}

TEST(Edits, SynWithDataIsFound) {
  for (const bool v6 : {false, true}) {
    EXPECT_TRUE(is_syn_with_data(segment(v6, tcp_flag::syn, {tcp_option::fast_open()}, "GET")));
    EXPECT_TRUE(is_syn_with_data(segment(v6, tcp_flag::syn | tcp_flag::ece | tcp_flag::cwr, {}, "G")));
    EXPECT_FALSE(is_syn_with_data(segment(v6, tcp_flag::syn, {tcp_option::fast_open()})));
    EXPECT_FALSE(is_syn_with_data(segment(v6, tcp_flag::syn | tcp_flag::ack, {}, "data")));
    EXPECT_FALSE(is_syn_with_data(segment(v6, tcp_flag::ack, {}, "GET")));
  }
  EXPECT_FALSE(is_syn_with_data({}));
}

}  // namespace
}  // namespace spiderling::lab
