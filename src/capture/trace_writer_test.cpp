#include "capture/trace_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <thread>

#include "capture/test_traces.h"

namespace spiderling {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Frame frame_of(const ByteVector& data, std::int64_t time_ns, LinkType link_type = LinkType::ethernet) {
  return {data.data(), time_ns, static_cast<std::uint32_t>(data.size()),
          static_cast<std::uint32_t>(data.size() + 9), link_type};
}

std::vector<SeenFrame> read_back(const std::string& path) {
  auto source = Source::open("file:" + path, {});
  if (!source) {
    ADD_FAILURE() << source.error().message;
    return {};
  }
  auto frames = read_all((*source)->stream(0));
  EXPECT_THAT((*source)->warnings(), IsEmpty());
  return frames;
}

TEST(TraceWriter, WhatWasWrittenIsReadBack) {
  const TemporaryFolder folder;
  for (const char* name : {"kept.pcap", "kept.pcapng", "kept", "kept.pcap.zst", "kept.pcapng.zst"}) {
    auto writer = TraceWriter::open(folder.path(name));
    ASSERT_TRUE(writer);
    std::vector<SeenFrame> written;
    for (std::uint32_t i = 0; i < 50; ++i) {
      const ByteVector data = numbered_data(i, i);
      const Frame frame = frame_of(data, 1'600'000'000'123'456'789 + i);
      written.emplace_back(frame);
      ByteVector bytes;
      ASSERT_TRUE((*writer)->format().append(frame, bytes));
      ASSERT_TRUE((*writer)->write(bytes));
    }
    ASSERT_TRUE((*writer)->close());
    EXPECT_EQ(std::filesystem::file_size(folder.path(name)), (*writer)->size());
    EXPECT_EQ(written, read_back(folder.path(name))) << name;
  }
}

TEST(TraceWriter, WhatWasPackedCanBeReadUpToTheLastWriteThoughItNeverEnded) {
  const TemporaryFolder folder;
  auto writer = TraceWriter::open(folder.path("kept.pcap.zst"));
  ASSERT_TRUE(writer);
  ByteVector bytes;
  for (std::uint32_t i = 0; i < 50; ++i) {
    const ByteVector data = numbered_data(500, i);
    bytes.clear();
    (*writer)->format().append(frame_of(data, i), bytes);
    ASSERT_TRUE((*writer)->write(bytes));
  }
  // Packed indeed, and not closed: as after kill -9.
  EXPECT_LT((*writer)->size(), 50u * 500u);
  auto source = Source::open("file:" + folder.path("kept.pcap.zst"), {});
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_THAT(read_all((*source)->stream(0)), SizeIs(50));
  EXPECT_THAT((*source)->warnings(), testing::ElementsAre(HasSubstr("cut")));
}

TEST(TraceWriter, PcapHoldsOneLinkTypeAndCountsTheRest) {
  const TemporaryFolder folder;
  auto writer = TraceWriter::open(folder.path("kept.pcap"));
  ByteVector bytes;
  const ByteVector data = {1, 2, 3};
  EXPECT_TRUE((*writer)->format().append(frame_of(data, 1, LinkType::raw_ip), bytes));
  const std::size_t size = bytes.size();
  EXPECT_FALSE((*writer)->format().append(frame_of(data, 2), bytes));
  EXPECT_EQ(size, bytes.size());
  EXPECT_TRUE((*writer)->format().append(frame_of(data, 3, LinkType::raw_ip), bytes));
  EXPECT_EQ(1u, (*writer)->format().refused());
  ASSERT_TRUE((*writer)->write(bytes));
  writer->reset();
  const auto frames = read_back(folder.path("kept.pcap"));
  ASSERT_THAT(frames, SizeIs(2));
  EXPECT_EQ(LinkType::raw_ip, frames[0].link_type);
}

TEST(TraceWriter, PcapngHoldsEveryLinkTypeWhoeverAppends) {
  const TemporaryFolder folder;
  auto writer = TraceWriter::open(folder.path("kept.pcapng"));
  {
    std::vector<std::jthread> shards;
    for (std::size_t shard = 0; shard < 4; ++shard)
      shards.emplace_back([&, shard] {
        const ByteVector data = {1, 2, 3};
        for (std::size_t i = 0; i < known_link_types.size(); ++i) {
          ByteVector bytes;
          const LinkType link_type = known_link_types[(i + shard * 3) % known_link_types.size()];
          EXPECT_TRUE(
              (*writer)->format().append(frame_of(data, static_cast<int>(link_type), link_type), bytes));
          EXPECT_TRUE((*writer)->write(bytes));
        }
      });
  }
  ASSERT_TRUE((*writer)->close());
  const auto frames = read_back(folder.path("kept.pcapng"));
  EXPECT_THAT(frames, SizeIs(4 * known_link_types.size()));
  for (const SeenFrame& frame : frames) EXPECT_EQ(static_cast<int>(frame.link_type), frame.time_ns);
}

TEST(TraceWriter, WithoutAFrameItIsAnEmptyTrace) {
  const TemporaryFolder folder;
  for (const char* name : {"kept.pcap", "kept.pcapng"}) {
    auto writer = TraceWriter::open(folder.path(name));
    ASSERT_TRUE((*writer)->close());
    EXPECT_THAT(read_back(folder.path(name)), IsEmpty());
  }
}

TEST(TraceWriter, TimesThatDoNotFitBecomeTheNearest) {
  const TemporaryFolder folder;
  auto writer = TraceWriter::open(folder.path("kept.pcap"));
  ByteVector bytes;
  const ByteVector data = {1};
  (*writer)->format().append(frame_of(data, -5), bytes);
  (*writer)->format().append(frame_of(data, std::numeric_limits<std::int64_t>::max()), bytes);
  ASSERT_TRUE((*writer)->write(bytes));
  ASSERT_TRUE((*writer)->close());
  const auto frames = read_back(folder.path("kept.pcap"));
  ASSERT_THAT(frames, SizeIs(2));
  EXPECT_EQ(0, frames[0].time_ns);
  EXPECT_EQ(4'294'967'295'999'999'999, frames[1].time_ns);
}

TEST(TraceWriter, SaysWhyAFileCannotBeMade) {
  const TemporaryFolder folder;
  const auto writer = TraceWriter::open(folder.path("no/such/folder.pcap"));
  ASSERT_FALSE(writer);
  EXPECT_THAT(writer.error().message, HasSubstr("cannot be written"));
}

TEST(TraceWriter, AFullDiskIsAnError) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "SKIPPED: there is no /dev/full here";
  auto writer = TraceWriter::open("/dev/full");
  ASSERT_TRUE(writer);
  ByteVector bytes;
  const ByteVector data = {1};
  (*writer)->format().append(frame_of(data, 1), bytes);
  for (int again = 0; again < 2; ++again) {
    const auto done = (*writer)->write(bytes);
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("No space left on device; make room"));
  }
}

TEST(TraceWriter, AFailedWriteLeavesWholeRecords) {
  const TemporaryFolder folder;
  rlimit before = {};
  ASSERT_EQ(0, ::getrlimit(RLIMIT_FSIZE, &before));
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 3000;
  ASSERT_EQ(0, ::setrlimit(RLIMIT_FSIZE, &small));
  auto writer = TraceWriter::open(folder.path("kept.pcap"));
  std::size_t written = 0;
  for (bool good = true; good && written < 100;) {
    ByteVector bytes;
    const ByteVector data = numbered_data(100, 1);
    (*writer)->format().append(frame_of(data, 1), bytes);
    good = (*writer)->write(bytes).has_value();
    if (good) ++written;
  }
  EXPECT_FALSE((*writer)->close());
  ASSERT_EQ(0, ::setrlimit(RLIMIT_FSIZE, &before));
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(25u, written);
  EXPECT_THAT(read_back(folder.path("kept.pcap")), SizeIs(written));
}

}  // namespace
}  // namespace spiderling
