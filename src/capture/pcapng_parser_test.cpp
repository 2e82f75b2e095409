#include "capture/pcapng_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "capture/test_traces.h"

namespace spiderling {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const ByteVector hello = {'h', 'e', 'l', 'l', 'o'};

ByteVector time_options(std::uint8_t resolution, bool swapped = false, std::int64_t offset = 0) {
  return TraceBytes(swapped)
      .u16(9)
      .u16(1)
      .u8(resolution)
      .u8(0)
      .u16(0)
      .u16(14)
      .u16(8)
      .put(offset)
      .u32(0)
      .bytes();
}

TEST(TimeScale, CountsDecimalBinaryAndShiftedTicks) {
  EXPECT_EQ(1'500'000'000, TimeScale().to_ns(1'500'000));
  EXPECT_EQ(1'500'000'000, TimeScale(9).to_ns(1'500'000'000));
  EXPECT_EQ(2'000'000'000, TimeScale(0).to_ns(2));
  EXPECT_EQ(1'500'000'000, TimeScale(12).to_ns(1'500'000'000'000));
  EXPECT_EQ(1'500'000'000, TimeScale(0x80 | 1).to_ns(3));
  EXPECT_EQ(3'000'000'000, TimeScale(0x80).to_ns(3));
  EXPECT_EQ(250'000'000, TimeScale(0x80 | 40).to_ns(1ull << 38));
  EXPECT_EQ(3'000'000'000, TimeScale(6, 2).to_ns(1'000'000));
  EXPECT_EQ(-1'000'000'000, TimeScale(6, -2).to_ns(1'000'000));
}

TEST(TimeScale, ClampsWhatDoesNotFit) {
  constexpr std::int64_t latest = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t earliest = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(latest, TimeScale(0).to_ns(~0ull));
  EXPECT_EQ(latest, TimeScale(6, latest).to_ns(0));
  EXPECT_EQ(earliest, TimeScale(6, earliest).to_ns(~0ull));
  for (unsigned resolution = 0; resolution < 256; ++resolution)
    EXPECT_GE(TimeScale(static_cast<std::uint8_t>(resolution)).to_ns(~0ull), 0) << resolution;
}

TEST(PcapngParser, ReadsSectionsOfBothByteOrders) {
  TraceBytes trace;
  for (const bool swapped : {false, true, false}) {
    TraceBytes section(swapped);
    section.section().interface().enhanced(0, 1'600'000'000'123'456, hello, 60);
    trace.raw(section.bytes());
  }
  const auto parsed = parse_trace(trace.bytes());
  ASSERT_THAT(parsed.frames, SizeIs(3));
  for (const SeenFrame& frame : parsed.frames) {
    EXPECT_EQ(hello, frame.data);
    EXPECT_EQ(1'600'000'000'123'456'000, frame.time_ns);
    EXPECT_EQ(60u, frame.wire_length);
  }
  EXPECT_THAT(parsed.warnings, IsEmpty());
}

TEST(PcapngParser, EveryInterfaceHasItsOwnLinkTypeAndClock) {
  for (const bool swapped : {false, true}) {
    TraceBytes trace(swapped);
    trace.section()
        .interface(1)
        .interface(101, 0, time_options(9, swapped))
        .interface(113, 0, time_options(0x81, swapped, 5));
    trace.enhanced(2, 3, hello).enhanced(1, 7, hello).enhanced(0, 7, hello);
    const auto parsed = parse_trace(trace.bytes());
    ASSERT_THAT(parsed.frames, SizeIs(3));
    EXPECT_EQ(LinkType::linux_cooked, parsed.frames[0].link_type);
    EXPECT_EQ(6'500'000'000, parsed.frames[0].time_ns);
    EXPECT_EQ(LinkType::raw_ip, parsed.frames[1].link_type);
    EXPECT_EQ(7, parsed.frames[1].time_ns);
    EXPECT_EQ(LinkType::ethernet, parsed.frames[2].link_type);
    EXPECT_EQ(7000, parsed.frames[2].time_ns);
  }
}

TEST(PcapngParser, ReadsSimpleAndObsoletePackets) {
  TraceBytes trace;
  trace.section().interface(1, 4).enhanced(0, 9, hello);
  trace.block(3, trace.body().u32(60).raw({'h', 'e', 'l', 'l'}));
  trace.block(3, trace.body().u32(2).raw({'h', 'i'}));
  trace.block(2, trace.body().u16(0).u16(17).u32(0).u32(11).u32(5).u32(70).raw(hello));
  const auto parsed = parse_trace(trace.bytes());
  ASSERT_THAT(parsed.frames, SizeIs(4));
  EXPECT_EQ((ByteVector{'h', 'e', 'l', 'l'}), parsed.frames[1].data);
  EXPECT_EQ(60u, parsed.frames[1].wire_length);
  EXPECT_EQ(9000, parsed.frames[1].time_ns) << "the time before it";
  EXPECT_EQ((ByteVector{'h', 'i'}), parsed.frames[2].data);
  EXPECT_EQ(hello, parsed.frames[3].data);
  EXPECT_EQ(11'000, parsed.frames[3].time_ns);
  EXPECT_EQ(70u, parsed.frames[3].wire_length);
}

TEST(PcapngParser, PassesOverBlocksThatItDoesNotKnow) {
  TraceBytes trace;
  trace.section().block(4, trace.body().raw(numbered_data(5000, 1))).interface();
  trace.block(0x0bad, trace.body().raw(numbered_data(3 << 20, 2)))
      .enhanced(0, 1, hello)
      .block(5, trace.body());
  const auto parsed = parse_trace(trace.bytes(), {100, 70'000});
  EXPECT_THAT(parsed.frames, SizeIs(1));
  EXPECT_THAT(parsed.warnings, IsEmpty());
}

TEST(PcapngParser, CountsPacketsThatItCannotRead) {
  TraceBytes trace;
  trace.section();
  trace.block(3, trace.body().u32(5).raw(hello));  // no interface yet
  trace.interface().interface(147);
  trace.enhanced(2, 1, hello);                                                       // no such interface
  trace.enhanced(1, 1, hello);                                                       // link type not known
  trace.block(6, trace.body().u32(0).u32(0).u32(0).u32(6000).u32(6000).raw(hello));  // longer than its block
  trace.block(6, trace.body().u32(0));
  trace.enhanced(0, 1, hello);
  const auto parsed = parse_trace(trace.bytes());
  EXPECT_THAT(parsed.frames, SizeIs(1));
  EXPECT_EQ(4u, parsed.counters.malformed);
  EXPECT_EQ(1u, parsed.counters.unknown_link);
}

TEST(PcapngParser, InterfacesEndWithTheirSection) {
  TraceBytes trace;
  trace.section().interface().enhanced(0, 1, hello).section().enhanced(0, 2, hello);
  const auto parsed = parse_trace(trace.bytes());
  EXPECT_THAT(parsed.frames, SizeIs(1));
  EXPECT_EQ(1u, parsed.counters.malformed);
}

TEST(PcapngParser, AnotherLengthAtTheEndOfABlockIsForgiven) {
  TraceBytes first;
  first.section().interface().enhanced(0, 1, hello);
  ByteVector bytes = first.bytes();
  bytes[bytes.size() - 4] ^= 0xff;
  const auto parsed = parse_trace(TraceBytes().raw(bytes).enhanced(0, 2, hello).bytes());
  EXPECT_THAT(parsed.frames, SizeIs(2));
  EXPECT_THAT(parsed.warnings, ElementsAre(HasSubstr("1 blocks have another length")));
}

TEST(PcapngParser, ImpossibleLengthsEndTheTrace) {
  TraceBytes good;
  good.section().interface().enhanced(0, 1, hello);
  for (const std::uint32_t length : {0u, 4u, 11u, 13u, 0x7ffffff0u, 0xffffffffu}) {
    const auto parsed = parse_trace(TraceBytes().raw(good.bytes()).u32(6).u32(length).u32(0).u64(0).bytes());
    EXPECT_THAT(parsed.frames, SizeIs(1));
    EXPECT_THAT(parsed.warnings, ElementsAre(HasSubstr("damaged at packet 2"))) << length;
  }
}

TEST(PcapngParser, TooManyInterfacesEndTheTrace) {
  TraceBytes trace;
  trace.section();
  for (std::size_t i = 0; i <= PcapngParser::most_interfaces; ++i) trace.interface();
  EXPECT_THAT(parse_trace(trace.bytes()).warnings, ElementsAre(HasSubstr("too many interfaces")));
}

TEST(PcapngParser, FilterFitsEachInterface) {
  ByteVector ip(40);
  ip[0] = 0x45;
  ip[9] = 17;
  ByteVector ethernet(14);
  ethernet[12] = 8;
  ethernet.insert(ethernet.end(), ip.begin(), ip.end());
  TraceBytes trace;
  trace.section().interface(1).interface(101);
  trace.enhanced(0, 1, ethernet).enhanced(1, 2, ip).enhanced(0, 3, ip).enhanced(1, 4, ethernet);
  SourceOptions options;
  options.filter = "udp";
  const auto parsed = parse_trace(trace.bytes(), {1000}, options);
  ASSERT_THAT(parsed.frames, SizeIs(2));
  EXPECT_EQ(1000, parsed.frames[0].time_ns);
  EXPECT_EQ(2000, parsed.frames[1].time_ns);
  EXPECT_EQ(2u, parsed.counters.filtered);
}

TEST(PcapngParser, FilterThatDoesNotFitAnInterfaceLeavesItOut) {
  TraceBytes trace;
  trace.section().interface(1).interface(101);
  trace.enhanced(0, 1, ByteVector(60)).enhanced(1, 2, ByteVector(60));
  SourceOptions options;
  options.filter = "ether dst 0:0:0:0:0:0";
  const auto parsed = parse_trace(trace.bytes(), {1000}, options);
  EXPECT_THAT(parsed.frames, SizeIs(1));
  EXPECT_THAT(parsed.warnings, ElementsAre(HasSubstr("packets of link type 101 are left out")));
}

}  // namespace
}  // namespace spiderling
