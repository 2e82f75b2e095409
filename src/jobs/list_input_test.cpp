#include "jobs/list_input.h"

#include <bzlib.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <fmt/format.h>

#include "jobs/job_reader.h"
#include "jobs/test_jobs.h"

namespace spiderling {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string gzip(std::string_view text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, text.size()) + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}
std::string zstd(std::string_view text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> packer(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(packer.get(), ZSTD_c_checksumFlag, 1);
  packed.resize(ZSTD_compress2(packer.get(), packed.data(), packed.size(), text.data(), text.size()));
  return packed;
}
std::string bzip2(std::string_view text) {
  std::string packed(text.size() + text.size() / 50 + 1000, '\0');
  auto size = static_cast<unsigned>(packed.size());
  EXPECT_EQ(BZ2_bzBuffToBuffCompress(packed.data(), &size, const_cast<char*>(text.data()),
                                     static_cast<unsigned>(text.size()), 1, 0, 0),
            BZ_OK);
  packed.resize(size);
  return packed;
}

struct Packing {
  const char* name;
  std::string (*pack)(std::string_view);
};
constexpr Packing packings[] = {{"gzip", gzip}, {"zstd", zstd}, {"bzip2", bzip2}};

std::string list_of(unsigned from, unsigned to) {
  std::string list;
  for (unsigned i = from; i < to; ++i)
    list += fmt::format("{{\"dip\":\"9.{}.{}.{}\",\"number\":{}}}\n", i >> 16, i >> 8 & 255, i & 255, i);
  return list;
}

struct Outcome {
  std::uint64_t jobs = 0;
  std::uint64_t last_line = 0;
  std::uint64_t bad = 0;
  std::string failure;
};
Outcome read(const std::string& path) {
  auto reader = JobReader::open(path, {});
  EXPECT_TRUE(reader);
  Job job;
  Outcome outcome;
  while ((*reader)->wait(job)) {
    ++outcome.jobs;
    outcome.last_line = job.line;
  }
  outcome.bad = (*reader)->counters().bad;
  outcome.failure = (*reader)->failure();
  return outcome;
}

TEST(ListInput, PackedListsAreReadWhateverTheirNames) {
  const JobFolder folder;
  constexpr unsigned count = 100'000;
  const std::string list = list_of(0, count);
  for (const Packing& packing : packings) {
    const Outcome outcome = read(folder.file("list.txt", packing.pack(list)));
    EXPECT_EQ(outcome.jobs, count) << packing.name;
    EXPECT_EQ(outcome.last_line, count) << packing.name;
    EXPECT_EQ(outcome.bad, 0u) << packing.name;
    EXPECT_THAT(outcome.failure, IsEmpty()) << packing.name;
  }
}

TEST(ListInput, PackedPartsAfterOneAnotherAreOneList) {
  const JobFolder folder;
  for (const Packing& packing : packings) {
    const std::string parts = packing.pack(list_of(0, 10)) + packing.pack("") + packing.pack(list_of(10, 30));
    const Outcome outcome = read(folder.file("parts", parts));
    EXPECT_EQ(outcome.jobs, 30u) << packing.name;
    EXPECT_THAT(outcome.failure, IsEmpty()) << packing.name;
  }
}

TEST(ListInput, ACutListGivesWhatCameBeforeAndSaysSo) {
  const JobFolder folder;
  for (const Packing& packing : packings) {
    const std::string packed = packing.pack(list_of(0, 200'000));
    const Outcome outcome = read(folder.file("cut", packed.substr(0, packed.size() / 2)));
    EXPECT_GT(outcome.jobs, 10'000u) << packing.name;
    EXPECT_LT(outcome.jobs, 200'000u) << packing.name;
    EXPECT_THAT(outcome.failure, HasSubstr("cut: the packed data is cut before its end")) << packing.name;
  }
}

TEST(ListInput, ADamagedListGivesWhatCameBeforeAndSaysSo) {
  const JobFolder folder;
  for (const Packing& packing : packings) {
    const std::string good = packing.pack(list_of(0, 50'000));
    std::string second = packing.pack(list_of(50'000, 100'000));
    for (std::size_t i = second.size() / 2; i < second.size() / 2 + 50; ++i) second[i] ^= 0x55;
    const Outcome outcome = read(folder.file("damaged", good + second));
    EXPECT_GE(outcome.jobs, 50'000u) << packing.name;
    EXPECT_LT(outcome.jobs, 100'000u) << packing.name;
    EXPECT_THAT(outcome.failure, HasSubstr("damaged (")) << packing.name;
    const Outcome followed = read(folder.file("followed", good + "what is this"));
    EXPECT_EQ(followed.jobs, 50'000u) << packing.name;
    EXPECT_THAT(followed.failure, testing::Not(IsEmpty())) << packing.name;
  }
}

TEST(ListInput, NoBytesOfAnythingAreNoList) {
  const JobFolder folder;
  for (const Packing& packing : packings) {
    const std::string packed = packing.pack(list_of(0, 3));
    for (std::size_t size = 1; size < packed.size(); ++size) {
      const Outcome outcome = read(folder.file("head", packed.substr(0, size)));
      ASSERT_LE(outcome.jobs, 3u);
      ASSERT_TRUE(outcome.bad > 0 || !outcome.failure.empty()) << packing.name << " " << size;
    }
    EXPECT_EQ(read(folder.file("empty", packing.pack(""))).jobs, 0u);
  }
}

TEST(ListInput, WhatIsPackedInAnotherWayIsNamed) {
  const JobFolder folder;
  const Outcome outcome = read(folder.file("list", std::string("\xfd"
                                                               "7zXZ\0\0\4abcdefgh",
                                                               16)));
  EXPECT_EQ(outcome.jobs, 0u);
  EXPECT_THAT(outcome.failure, HasSubstr("unpack it first: xz -dc"));
}

}  // namespace
}  // namespace spiderling
