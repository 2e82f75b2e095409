#include "campaign/packet_recorder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "campaign/file_clerk.h"
#include "campaign/whole_file.h"
#include "capture/test_traces.h"
#include "flows/test_packets.h"
#include "wire/dissect.h"

namespace spiderling {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::size_t payload = 1000;

// One packet; `number` is its time.
void keep(PacketRecorder& recorder, std::int64_t number) {
  static const PacketBytes bytes =
      udp_packet(hosts(IpVersion::v4).client, hosts(IpVersion::v4).server, payload);
  Packet packet;
  Dissector::dissect(packet, bytes, static_cast<std::uint32_t>(bytes.size()), start_ns + number,
                     LinkType::raw_ip);
  recorder.keep(packet);
}

std::vector<SeenFrame> frames_of(const std::string& path) {
  auto source = Source::open("file:" + path, {});
  if (!source) {
    ADD_FAILURE() << source.error().message;
    return {};
  }
  return read_all((*source)->stream(0));
}

TEST(PacketRecorder, NamesItsFiles) {
  EXPECT_EQ("run.pcap", recording_name("run.pcap", 0));
  EXPECT_EQ("run-00001.pcap", recording_name("run.pcap", 1));
  EXPECT_EQ("a.b/run-00012.pcapng.zst", recording_name("a.b/run.pcapng.zst", 12));
  EXPECT_EQ("run-100000.zst", recording_name("run.zst", 100'000));
  EXPECT_EQ("run-00001", recording_name("run", 1));
}

TEST(PacketRecorder, WhatIsKeptIsInTheFilesInOrder) {
  const TemporaryFolder folder;
  for (const char* name : {"run.pcap", "run.pcapng", "packed.pcap.zst"}) {
    auto recorder = PacketRecorder::open({.path = folder.path(name)});
    ASSERT_TRUE(recorder) << recorder.error().message;
    for (int i = 0; i < 2000; ++i) {
      keep(**recorder, i);
      (*recorder)->pause();
    }
    (*recorder)->finish();
    EXPECT_EQ(2000u, (*recorder)->counters().kept);
    EXPECT_EQ(0u, (*recorder)->counters().lost);
    EXPECT_EQ(std::filesystem::file_size(folder.path(name)), (*recorder)->counters().bytes);
    EXPECT_THAT((*recorder)->files(), ElementsAre(folder.path(name)));
    const auto frames = frames_of(folder.path(name));
    ASSERT_EQ(2000u, frames.size());
    for (int i = 0; i < 2000; ++i) EXPECT_EQ(start_ns + i, frames[static_cast<std::size_t>(i)].time_ns);
  }
}

TEST(PacketRecorder, BeyondItsSizeAnotherFileIsBegun) {
  const TemporaryFolder folder;
  auto recorder = PacketRecorder::open({.path = folder.path("run.pcap"), .file_bytes = 300'000});
  ASSERT_TRUE(recorder);
  for (int i = 0; i < 2000; ++i) keep(**recorder, i);
  (*recorder)->finish();
  ASSERT_GT((*recorder)->files().size(), 2u);
  std::int64_t next = start_ns;
  for (const std::string& file : (*recorder)->files()) {
    EXPECT_LT(std::filesystem::file_size(file), 300'000u + (300 << 10));
    for (const SeenFrame& frame : frames_of(file)) EXPECT_EQ(next++, frame.time_ns);
  }
  EXPECT_EQ(start_ns + 2000, next);
}

TEST(PacketRecorder, FilesOfAnEarlierRunAreInTheWayOrStay) {
  const TemporaryFolder folder;
  folder.file("run.pcap", {1});
  folder.file("run-00001.pcap", {1});
  const auto refused = PacketRecorder::open({.path = folder.path("run.pcap")});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("run-00001.pcap is there from an earlier run"));
  auto recorder = PacketRecorder::open({.path = folder.path("run.pcap"), .go_on = true});
  ASSERT_TRUE(recorder);
  keep(**recorder, 0);
  (*recorder)->finish();
  EXPECT_THAT((*recorder)->files(), ElementsAre(folder.path("run-00002.pcap")));
  EXPECT_EQ(1u, std::filesystem::file_size(folder.path("run.pcap")));
}

TEST(PacketRecorder, OfAPacketNoMoreIsKeptThanWanted) {
  const TemporaryFolder folder;
  auto recorder = PacketRecorder::open({.path = folder.path("run.pcap"), .snap_length = 64});
  keep(**recorder, 0);
  (*recorder)->finish();
  const auto frames = frames_of(folder.path("run.pcap"));
  ASSERT_EQ(1u, frames.size());
  EXPECT_EQ(64u, frames[0].data.size());
  EXPECT_EQ(payload + 28, frames[0].wire_length);
}

TEST(PacketRecorder, AFullDiskEndsItAndIsSaid) {
  auto recorder =
      PacketRecorder::open({.path = "run.pcap", .opener = [](std::size_t) -> Result<FileDescriptor> {
                              return FileDescriptor(::open("/dev/full", O_WRONLY | O_CLOEXEC));
                            }});
  ASSERT_TRUE(recorder);
  for (int i = 0; i < 1000; ++i) keep(**recorder, i);
  (*recorder)->finish();
  EXPECT_THAT((*recorder)->failure(), HasSubstr("No space left on device"));
  EXPECT_EQ(0u, (*recorder)->counters().kept);
  EXPECT_EQ(1000u, (*recorder)->counters().lost);
}

// A disk that takes nothing: keep() comes back all the same, and what was too much is known.
TEST(PacketRecorder, NeverMakesTheObserverWait) {
  int ends[2];
  ASSERT_EQ(0, ::pipe2(ends, O_CLOEXEC));
  FileDescriptor reader(ends[0]);
  auto recorder =
      PacketRecorder::open({.path = "run.pcap", .opener = [&](std::size_t) -> Result<FileDescriptor> {
                              return FileDescriptor(ends[1]);
                            }});
  ASSERT_TRUE(recorder);
  constexpr std::uint64_t packets = 40'000;  // 40 MB, more than the queue holds
  for (std::uint64_t i = 0; i < packets; ++i) keep(**recorder, static_cast<std::int64_t>(i));
  EXPECT_GT((*recorder)->counters().lost, packets / 4);
  ::signal(SIGPIPE, SIG_IGN);
  reader = FileDescriptor();
  (*recorder)->finish();
  EXPECT_EQ(packets, (*recorder)->counters().kept + (*recorder)->counters().lost);
  EXPECT_THAT((*recorder)->failure(), HasSubstr("Broken pipe"));
}

TEST(FileClerk, MakesTheFilesOfItsRunAndNoOthers) {
  const TemporaryFolder folder;
  auto clerk = FileClerk::start({folder.path("run.pcap"), folder.path("run.meta.json")});
  ASSERT_TRUE(clerk) << clerk.error().message;
  auto file = (*clerk)->create(3);
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(4, ::write(file->get(), "some", 4));
  EXPECT_EQ("some", *read_whole_file(folder.path("run-00003.pcap"), 10));
  const std::string text(3'000'000, 'x');
  for (const std::string& one : {std::string("first"), text}) {
    const auto replaced = (*clerk)->replace_metadata(one);
    ASSERT_TRUE(replaced) << replaced.error().message;
    EXPECT_EQ(one, *read_whole_file(folder.path("run.meta.json"), 4'000'000));
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path("run.meta.json.tmp")));

  auto without = FileClerk::start({"", folder.path("none/run.meta.json")});
  ASSERT_TRUE(without);
  EXPECT_FALSE((*without)->create(0));
  const auto refused = (*without)->replace_metadata("text");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("No such file or directory"));
}

}  // namespace
}  // namespace spiderling
