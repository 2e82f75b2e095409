#include "capture/pcap_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capture/test_traces.h"

namespace spiderling {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const ByteVector hello = {'h', 'e', 'l', 'l', 'o'};

TEST(PcapParser, ReadsMicrosecondsInBothByteOrders) {
  for (const bool swapped : {false, true}) {
    const auto trace = TraceBytes(swapped).pcap_header().pcap_record(1'600'000'000, 123'456, hello, 60);
    const auto parsed = parse_trace(trace.bytes());
    ASSERT_THAT(parsed.frames, SizeIs(1)) << swapped;
    EXPECT_EQ(hello, parsed.frames[0].data);
    EXPECT_EQ(1'600'000'000'123'456'000, parsed.frames[0].time_ns);
    EXPECT_EQ(60u, parsed.frames[0].wire_length);
    EXPECT_EQ(LinkType::ethernet, parsed.frames[0].link_type);
    EXPECT_THAT(parsed.warnings, IsEmpty());
  }
}

TEST(PcapParser, ReadsNanosecondsInBothByteOrders) {
  for (const bool swapped : {false, true}) {
    const auto trace =
        TraceBytes(swapped).pcap_header(0xa1b23c4d).pcap_record(4'294'967'295, 999'999'999, hello);
    const auto parsed = parse_trace(trace.bytes());
    ASSERT_THAT(parsed.frames, SizeIs(1));
    EXPECT_EQ(4'294'967'295'999'999'999, parsed.frames[0].time_ns);
  }
}

TEST(PcapParser, ReadsModifiedRecordsWithTheirLongerHeader) {
  for (const bool swapped : {false, true}) {
    TraceBytes trace(swapped);
    trace.pcap_header(0xa1b2cd34);
    for (int i = 0; i < 2; ++i) trace.u32(7).u32(8).u32(5).u32(5).u32(2).u16(0x800).u8(0).u8(0).raw(hello);
    const auto parsed = parse_trace(trace.bytes());
    ASSERT_THAT(parsed.frames, SizeIs(2));
    EXPECT_EQ(hello, parsed.frames[1].data);
    EXPECT_EQ(7'000'008'000, parsed.frames[1].time_ns);
  }
}

TEST(PcapParser, TakesTheLinkTypeWithoutTheBitsForTheFcs) {
  const auto trace = TraceBytes().pcap_header(0xa1b2c3d4, 0x44000000 | 101);
  EXPECT_EQ(101u, PcapHeader::read(trace.bytes())->link_type);
}

TEST(PcapParser, RefusesOtherVersions) {
  const auto trace = TraceBytes().u32(0xa1b2c3d4).u16(3).u16(0).u32(0).u32(0).u32(0).u32(1);
  EXPECT_FALSE(PcapHeader::read(trace.bytes()));
  EXPECT_TRUE(PcapHeader::recognize(trace.bytes()));
}

TEST(PcapParser, PutsTheExchangedLengthsOfOldVersionsRight) {
  for (const unsigned minor : {2u, 3u}) {
    const auto trace = TraceBytes().pcap_header(0xa1b2c3d4, 1, minor).u32(0).u32(0).u32(60).u32(5).raw(hello);
    const auto parsed = parse_trace(trace.bytes());
    ASSERT_THAT(parsed.frames, SizeIs(1));
    EXPECT_EQ(hello, parsed.frames[0].data);
    EXPECT_EQ(60u, parsed.frames[0].wire_length);
  }
}

TEST(PcapParser, WireLengthIsNeverBelowCaptured) {
  const auto trace = TraceBytes().pcap_header().u32(0).u32(0).u32(5).u32(3).raw(hello);
  EXPECT_EQ(5u, parse_trace(trace.bytes()).frames.at(0).wire_length);
}

TEST(PcapParser, EmptyPacketsAndEmptyTracesAreFine) {
  EXPECT_THAT(parse_trace(TraceBytes().pcap_header().bytes()).frames, IsEmpty());
  const auto parsed = parse_trace(TraceBytes().pcap_header().pcap_record(1, 2, {}, 60).bytes());
  ASSERT_THAT(parsed.frames, SizeIs(1));
  EXPECT_THAT(parsed.frames[0].data, IsEmpty());
  EXPECT_THAT(parsed.warnings, IsEmpty());
}

TEST(PcapParser, EndsAtAnImpossibleLengthWithAWarning) {
  const auto trace = TraceBytes().pcap_header().pcap_record(1, 2, hello).u32(3).u32(4).u32(0xfffffff0).u32(5);
  const auto parsed = parse_trace(trace.bytes());
  EXPECT_THAT(parsed.frames, SizeIs(1));
  EXPECT_THAT(parsed.warnings, ElementsAre(HasSubstr("damaged at packet 2")));
}

TEST(PcapParser, EndsWithAWarningWhereTheTraceIsCut) {
  auto bytes = TraceBytes().pcap_header().pcap_record(1, 2, hello).pcap_record(3, 4, hello).bytes();
  for (int cut = 1; cut < 21; ++cut) {
    bytes.pop_back();
    const auto parsed = parse_trace(bytes);
    EXPECT_THAT(parsed.frames, SizeIs(1));
    EXPECT_THAT(parsed.warnings, ElementsAre(HasSubstr("cut in the middle of packet 2"))) << cut;
  }
  bytes.pop_back();
  EXPECT_THAT(parse_trace(bytes).warnings, IsEmpty());
}

TEST(PcapParser, SnapLengthCutsWhatIsCaptured) {
  SourceOptions options;
  options.snap_length = 3;
  const auto parsed =
      parse_trace(TraceBytes().pcap_header().pcap_record(1, 2, hello, 60).bytes(), {100}, options);
  ASSERT_THAT(parsed.frames, SizeIs(1));
  EXPECT_EQ((ByteVector{'h', 'e', 'l'}), parsed.frames[0].data);
  EXPECT_EQ(60u, parsed.frames[0].wire_length);
}

TEST(PcapParser, FilterSeesWhatSnapLengthCuts) {
  ByteVector udp(60);
  udp[12] = 8;
  udp[14] = 0x45;
  udp[23] = 17;
  ByteVector tcp = udp;
  tcp[23] = 6;
  TraceBytes trace;
  trace.pcap_header();
  for (std::uint64_t i = 0; i < 10; ++i) trace.pcap_record(i, 0, i % 2 == 0 ? udp : tcp);
  SourceOptions options;
  options.snap_length = 10;
  options.filter = "udp";
  options.max_frames = 4;
  const auto parsed = parse_trace(trace.bytes(), {100}, options);
  ASSERT_THAT(parsed.frames, SizeIs(4));
  EXPECT_EQ(6'000'000'000, parsed.frames[3].time_ns);
  EXPECT_EQ(10u, parsed.frames[3].data.size());
  EXPECT_EQ(4u, parsed.counters.frames);
  EXPECT_EQ(3u, parsed.counters.filtered);
}

}  // namespace
}  // namespace spiderling
