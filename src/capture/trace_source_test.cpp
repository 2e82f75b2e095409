#include "capture/trace_source.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include <thread>

#include "capture/file_descriptor.h"
#include "capture/test_traces.h"

namespace spiderling {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

ByteVector gzip(const ByteVector& bytes) {
  z_stream stream = {};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  ByteVector packed(deflateBound(&stream, bytes.size()) + 64);
  stream.next_in = const_cast<std::uint8_t*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(Z_STREAM_END, deflate(&stream, Z_FINISH));
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

ByteVector zstd(const ByteVector& bytes) {
  ByteVector packed(ZSTD_compressBound(bytes.size()));
  packed.resize(ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), 3));
  return packed;
}

ByteVector joined(const ByteVector& first, const ByteVector& second) {
  ByteVector all = first;
  all.insert(all.end(), second.begin(), second.end());
  return all;
}

ByteVector halves(const ByteVector& bytes, ByteVector (*pack)(const ByteVector&)) {
  const auto middle = bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() / 2);
  return joined(pack({bytes.begin(), middle}), pack({middle, bytes.end()}));
}

/// A few chunks long, hard to pack.
ByteVector large_pcap(std::uint32_t packets = 3000) {
  TraceBytes trace;
  trace.pcap_header();
  std::uint32_t state = 1;
  for (std::uint32_t i = 0; i < packets; ++i) {
    ByteVector data(60 + i * 13 % 1400);
    for (auto& byte : data) byte = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
    trace.pcap_record(i, 0, data);
  }
  return trace.bytes();
}

struct Outcome {
  std::vector<std::vector<SeenFrame>> streams;
  std::vector<std::vector<std::size_t>> batches;
  std::vector<std::string> warnings;
  SourceCounters counters;
};

Outcome read_source(Source& source, std::size_t shards) {
  Outcome outcome;
  outcome.streams.resize(shards);
  outcome.batches.resize(shards);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < shards; ++i)
    threads.emplace_back(
        [&, i] { outcome.streams[i] = read_all(source.stream(i), 64, &outcome.batches[i]); });
  for (auto& thread : threads) thread.join();
  outcome.warnings = source.warnings();
  outcome.counters = source.counters();
  return outcome;
}

Outcome read_path(const std::string& path, const SourceOptions& options = {}) {
  auto source = Source::open(path, options);
  if (!source) {
    ADD_FAILURE() << source.error().message;
    return {};
  }
  return read_source(**source, options.shards);
}

std::string open_error(const std::string& name, const SourceOptions& options = {}) {
  const auto source = Source::open(name, options);
  return source ? "no error" : source.error().message;
}

TEST(TraceSource, GivesTheSameFramesAndBatchesToAnyNumberOfShards) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.pcap", large_pcap());
  const Outcome one = read_path(path);
  ASSERT_THAT(one.streams.at(0), SizeIs(3000));
  for (const std::size_t shards : {2u, 5u}) {
    SourceOptions options;
    options.shards = shards;
    const Outcome many = read_path(path, options);
    for (std::size_t i = 0; i < shards; ++i) {
      EXPECT_EQ(one.streams[0], many.streams[i]);
      EXPECT_EQ(one.batches[0], many.batches[i]);
    }
    EXPECT_EQ(3000u, many.counters.frames);
  }
}

TEST(TraceSource, UnpacksByContentWhateverTheName) {
  const TemporaryFolder folder;
  const ByteVector plain = large_pcap();
  const Outcome expected = read_path(folder.file("plain", plain));
  for (const ByteVector& packed : {gzip(plain), zstd(plain), halves(plain, gzip), halves(plain, zstd),
                                   joined(gzip(plain), ByteVector(512)), joined(gzip({}), gzip(plain))}) {
    for (const std::size_t shards : {1u, 2u}) {
      SourceOptions options;
      options.shards = shards;
      const Outcome outcome = read_path(folder.file("packed.pcap", packed), options);
      EXPECT_EQ(expected.streams[0], outcome.streams.at(shards - 1));
      EXPECT_EQ(expected.batches[0], outcome.batches.at(shards - 1));
      EXPECT_THAT(outcome.warnings, IsEmpty());
    }
  }
}

TEST(TraceSource, GivesAllWholePacketsOfACutPackedFile) {
  const TemporaryFolder folder;
  for (ByteVector packed : {gzip(large_pcap()), zstd(large_pcap())}) {
    packed.resize(packed.size() / 2);
    const Outcome outcome = read_path(folder.file("cut", packed));
    EXPECT_GT(outcome.streams.at(0).size(), 1000u);
    EXPECT_THAT(outcome.warnings, ElementsAre(HasSubstr("the packed data is cut before its end")));
  }
}

TEST(TraceSource, GivesAllPacketsBeforeDamageOfAPackedFile) {
  const TemporaryFolder folder;
  for (ByteVector packed : {gzip(large_pcap()), zstd(large_pcap())}) {
    const std::size_t middle = packed.size() / 2;
    for (std::size_t i = middle; i < middle + 2000; ++i) packed[i] = static_cast<std::uint8_t>(i * 77);
    const Outcome outcome = read_path(folder.file("damaged", packed));
    EXPECT_LT(outcome.streams.at(0).size(), 3000u);
    EXPECT_THAT(outcome.warnings, SizeIs(1));
  }
  const Outcome garbage = read_path(folder.file("more", joined(gzip(large_pcap()), {1, 2, 3, 4, 5})));
  EXPECT_THAT(garbage.streams.at(0), SizeIs(3000));
  EXPECT_THAT(garbage.warnings, ElementsAre(HasSubstr("something that is not gzip follows")));
}

TEST(TraceSource, AFileCutWhileItIsReadEndsWithAWarning) {
  const TemporaryFolder folder;
  const std::string path = folder.file("shrinks.pcap", large_pcap());
  auto source = Source::open(path, {});
  ASSERT_TRUE(source);
  ASSERT_EQ(0, ::truncate(path.c_str(), 600'000));
  const Outcome outcome = read_source(**source, 1);
  EXPECT_GT(outcome.streams[0].size(), 500u);
  EXPECT_THAT(outcome.warnings, ElementsAre(HasSubstr("cut in the middle of packet")));
}

TEST(TraceSource, LimitIsTheSameForEveryShard) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.pcap", large_pcap());
  for (const std::size_t shards : {1u, 3u}) {
    SourceOptions options;
    options.shards = shards;
    options.max_frames = 1001;
    const Outcome outcome = read_path(path, options);
    for (const auto& stream : outcome.streams) EXPECT_THAT(stream, SizeIs(1001));
    EXPECT_EQ(1001u, outcome.counters.frames);
    EXPECT_THAT(outcome.warnings, IsEmpty());
  }
}

TEST(TraceSource, StopEndsEveryStream) {
  const TemporaryFolder folder;
  SourceOptions options;
  options.shards = 2;
  auto source = Source::open(folder.file("a.pcap", large_pcap(20'000)), options);
  ASSERT_TRUE(source);
  std::vector<std::jthread> threads;
  std::atomic<int> begun = 0;
  for (std::size_t i = 0; i < 2; ++i)
    threads.emplace_back([&, i] {
      std::array<Frame, 4> room;
      auto& stream = (*source)->stream(i);
      while (stream.next(room, std::chrono::milliseconds(10)).state != StreamState::ended) {
        if (begun.fetch_add(1) == 100) (*source)->stop();
      }
    });
  threads.clear();
  EXPECT_LT((*source)->counters().frames, 20'000u);
  EXPECT_THAT((*source)->warnings(), IsEmpty());
}

TEST(TraceSource, ADroppedSourceNeedsNoReader) {
  const TemporaryFolder folder;
  SourceOptions options;
  options.shards = 3;
  auto source = Source::open(folder.file("a.pcap", large_pcap(20'000)), options);
  ASSERT_TRUE(source);
  std::array<Frame, 4> room;
  EXPECT_EQ(4u, (*source)->stream(1).next(room, std::chrono::milliseconds(0)).count);
  EXPECT_GT((*source)->progress().done, 0u);
  EXPECT_GT((*source)->progress().total, 10'000'000u);
}

TEST(TraceSource, APipeIsIdleUntilSomethingComes) {
  const TemporaryFolder folder;
  const std::string path = folder.path("pipe");
  ASSERT_EQ(0, ::mkfifo(path.c_str(), 0600));
  const ByteVector bytes =
      TraceBytes().pcap_header().pcap_record(1, 0, {1, 2, 3}).pcap_record(2, 0, {4}).bytes();
  std::atomic<int> stage = 0;
  std::jthread writer([&] {
    const FileDescriptor file(::open(path.c_str(), O_WRONLY));
    const auto put = [&](std::size_t from, std::size_t to) {
      ASSERT_EQ(static_cast<ssize_t>(to - from), ::write(file.get(), bytes.data() + from, to - from));
    };
    put(0, 44);  // the header, a packet and a byte of the next
    while (stage.load() < 1) std::this_thread::yield();
    put(44, bytes.size());
    while (stage.load() < 2) std::this_thread::yield();
  });
  auto source = Source::open("file:" + path, {});
  ASSERT_TRUE(source) << source.error().message;
  std::array<Frame, 8> room;
  auto& stream = (*source)->stream(0);
  EXPECT_EQ(StreamState::frames, stream.next(room, std::chrono::milliseconds(20'000)).state);
  EXPECT_EQ(StreamState::idle, stream.next(room, std::chrono::milliseconds(1)).state);
  stage = 1;
  while (stream.next(room, std::chrono::milliseconds(100)).state == StreamState::idle) {
  }
  stage = 2;
  while (stream.next(room, std::chrono::milliseconds(100)).state == StreamState::idle) {
  }
  EXPECT_EQ(StreamState::ended, stream.next(room, std::chrono::milliseconds(1)).state);
  EXPECT_EQ(2u, (*source)->counters().frames);
  EXPECT_THAT((*source)->warnings(), IsEmpty());
}

TEST(TraceSource, AnEmptyTraceIsFine) {
  const TemporaryFolder folder;
  for (const ByteVector& bytes : {TraceBytes().pcap_header().bytes(), TraceBytes().section().bytes(),
                                  gzip(TraceBytes().pcap_header().bytes())}) {
    const Outcome outcome = read_path(folder.file("empty", bytes));
    EXPECT_THAT(outcome.streams.at(0), IsEmpty());
    EXPECT_THAT(outcome.warnings, IsEmpty());
  }
}

TEST(TraceSource, SaysWhatIsWrongWithAFile) {
  const TemporaryFolder folder;
  const auto file = [&](const ByteVector& bytes) { return folder.file("bad", bytes); };
  EXPECT_THAT(open_error(folder.path("x.pcap")), HasSubstr("x.pcap: no such file"));
  EXPECT_THAT(open_error("file:" + folder.path("")), HasSubstr("is a directory"));
  EXPECT_THAT(open_error(file({})), HasSubstr("is empty"));
  EXPECT_THAT(open_error(file({'h', 'i'})), HasSubstr("is not a capture file"));
  EXPECT_THAT(open_error(file(numbered_data(1000, 1))), HasSubstr("is not a capture file"));
  EXPECT_THAT(open_error(file(gzip(numbered_data(1000, 1)))), HasSubstr("is not a capture file"));
  EXPECT_THAT(open_error(file({0x1f, 0x8b, 8, 9, 9, 9})), HasSubstr("no packet could be read"));
  EXPECT_THAT(open_error(file(TraceBytes().u32(0xa1b2c3d4).u16(2).bytes())),
              HasSubstr("cut within its header"));
  EXPECT_THAT(open_error(file(TraceBytes().pcap_header(0xa1b2c3d4, 147).bytes())),
              HasSubstr("link type 147"));
  SourceOptions options;
  options.filter = "tcp prot 80";
  EXPECT_THAT(open_error(file(large_pcap(1)), options),
              AllOf(HasSubstr("tcp prot 80"), HasSubstr("syntax error")));
  EXPECT_THAT(open_error(file(TraceBytes().section().bytes()), options), HasSubstr("syntax error"));
}

TEST(TraceSource, UnreadableFileSaysSo) {
  constexpr uid_t nobody = 65534;
  const TemporaryFolder folder;
  const std::string path = folder.file("secret", large_pcap(1));
  ::chmod(path.c_str(), 0);
  const uid_t me = ::geteuid();  // root may read everything
  if (me == 0) {
    ASSERT_EQ(::seteuid(nobody), 0);
  }
  const std::string said = open_error(path);
  if (me == 0) {
    ASSERT_EQ(::seteuid(me), 0);
  }
  EXPECT_THAT(said, HasSubstr("permission denied"));
}

TEST(Source, AWordThatIsNeitherFileNorInterfaceNamesTheInterfaces) {
  EXPECT_THAT(open_error("no-such-thing"),
              AllOf(HasSubstr("no file and no interface"), HasSubstr("interfaces here")));
}

TEST(Source, SchemesSayWhatANameIs) {
  const TemporaryFolder folder;
  const std::string path = folder.file("trace", large_pcap(3));
  for (const char* scheme : {"", "file:", "pcapfile:", "pcapng:"})
    EXPECT_THAT(read_path(scheme + path).streams.at(0), SizeIs(3));
  for (const char* scheme : {"live:", "int:", "ring:"})
    EXPECT_THAT(open_error(scheme + path), HasSubstr("there is no interface"));
}

}  // namespace
}  // namespace spiderling
