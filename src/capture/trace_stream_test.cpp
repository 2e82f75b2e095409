#include "capture/trace_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "capture/test_traces.h"

namespace spiderling {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

ByteVector small_pcap(bool swapped) {
  TraceBytes trace(swapped);
  trace.pcap_header();
  for (std::uint32_t i = 0; i < 20; ++i) trace.pcap_record(i, i, numbered_data(i * 5 % 37, i), 100);
  return trace.bytes();
}

ByteVector small_pcapng(bool swapped) {
  TraceBytes trace(swapped);
  for (int section = 0; section < 2; ++section) {
    trace.section().interface(1, 64).interface(147).interface(101);
    for (std::uint32_t i = 0; i < 8; ++i) {
      trace.enhanced(i % 4, i, numbered_data(i * 5 % 37, i), 100);
      trace.block(3, trace.body().u32(80).raw(numbered_data(64, i)));
      trace.block(77, trace.body().raw(numbered_data(i * 9, i)));
    }
  }
  return trace.bytes();
}

void expect_same_however_split(const ByteVector& bytes) {
  const auto whole = parse_trace(bytes);
  EXPECT_THAT(whole.frames, testing::Not(IsEmpty()));
  const auto compare = [&](const std::vector<std::size_t>& sizes) {
    const auto parsed = parse_trace(bytes, sizes);
    ASSERT_EQ(whole.frames, parsed.frames) << testing::PrintToString(sizes);
    ASSERT_EQ(whole.warnings, parsed.warnings);
    ASSERT_EQ(whole.counters.malformed, parsed.counters.malformed);
    ASSERT_EQ(whole.counters.unknown_link, parsed.counters.unknown_link);
  };
  for (std::size_t at = 1; at < bytes.size(); ++at) compare({at, bytes.size()});
  for (std::size_t size = 1; size < 70; ++size) compare({size});
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::size_t> sizes;
    for (int i = 0; i < 30; ++i) sizes.push_back(1 + random() % 90);
    compare(sizes);
  }
}

TEST(TraceStream, AnySplitOfAPcapGivesTheSameFrames) {
  for (const bool swapped : {false, true}) expect_same_however_split(small_pcap(swapped));
}

TEST(TraceStream, AnySplitOfAPcapngGivesTheSameFrames) {
  for (const bool swapped : {false, true}) expect_same_however_split(small_pcapng(swapped));
}

TEST(TraceStream, AnySplitOfACutOrDamagedTraceGivesTheSameFrames) {
  ByteVector cut = small_pcapng(false);
  cut.resize(cut.size() - 7);
  expect_same_however_split(cut);
  ByteVector damaged = small_pcap(false);
  damaged[damaged.size() / 2] ^= 0xff;
  damaged[damaged.size() / 2 + 1] ^= 0xff;
  expect_same_however_split(damaged);
}

TEST(TraceStream, LargestPacketsPassThroughManyChunks) {
  TraceBytes trace;
  trace.pcap_header();
  for (std::uint32_t i = 0; i < 5; ++i)
    trace.pcap_record(i, 0, numbered_data(262'144, i)).pcap_record(i, 1, {1});
  for (const std::size_t chunk : {1000u, 65'536u, 262'144u, 300'000u}) {
    const auto parsed = parse_trace(trace.bytes(), {chunk});
    ASSERT_THAT(parsed.frames, SizeIs(10));
    EXPECT_EQ(numbered_data(262'144, 4), parsed.frames[8].data);
  }
}

TEST(TraceStream, RoomForNothingGivesNothingAndLosesNothing) {
  WarningList warnings;
  const std::atomic<bool> stopped = false;
  SplitFeed feed(small_pcap(false), {50});
  const auto header = *PcapHeader::read(small_pcap(false));
  TraceStream stream("trace", PcapParser(header, LinkType::ethernet, nullptr), PcapHeader::size, {}, feed,
                     warnings, stopped);
  EXPECT_EQ(StreamState::idle, stream.next({}, std::chrono::milliseconds(0)).state);
  EXPECT_THAT(read_all(stream, 1), SizeIs(20));
}

TEST(TraceStream, StopEndsWithoutAWarning) {
  WarningList warnings;
  std::atomic<bool> stopped = false;
  SplitFeed feed(small_pcap(false), {50});
  const auto header = *PcapHeader::read(small_pcap(false));
  TraceStream stream("trace", PcapParser(header, LinkType::ethernet, nullptr), PcapHeader::size, {}, feed,
                     warnings, stopped);
  std::array<Frame, 3> room;
  EXPECT_EQ(3u, stream.next(room, std::chrono::milliseconds(0)).count);
  stopped = true;
  EXPECT_EQ(StreamState::ended, stream.next(room, std::chrono::milliseconds(0)).state);
  EXPECT_EQ(StreamState::ended, stream.next(room, std::chrono::milliseconds(0)).state);
  EXPECT_THAT(warnings.lines(), IsEmpty());
  EXPECT_EQ(3u, stream.counters().frames);
}

}  // namespace
}  // namespace spiderling
