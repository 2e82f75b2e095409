#include "jobs/line_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace spiderling {
namespace {

using ::testing::ElementsAre;

constexpr std::size_t limit = 20;

// Every line as "NUMBER:TEXT", or "NUMBER!" if too long. `piece` bytes at a time.
std::vector<std::string> lines_of(std::string_view bytes, std::size_t piece) {
  LineSplitter splitter(limit, piece);
  std::vector<std::string> lines;
  const auto take = [&] {
    LineSplitter::Line line;
    for (auto got = splitter.next(line); got != LineSplitter::Got::nothing; got = splitter.next(line))
      lines.push_back(got == LineSplitter::Got::line ? fmt::format("{}:{}", line.number, line.text)
                                                     : fmt::format("{}!", line.number));
  };
  const std::size_t all = bytes.size();
  while (!bytes.empty()) {
    const auto room = splitter.room();
    const std::size_t size = std::min({piece, room.size(), bytes.size()});
    EXPECT_GT(size, 0u);
    std::copy_n(bytes.begin(), size, room.begin());
    splitter.commit(size);
    bytes.remove_prefix(size);
    take();
  }
  splitter.finish();
  take();
  EXPECT_EQ(splitter.bytes_given(), all);
  return lines;
}

TEST(LineSplitter, GivesLinesWithoutTheirEnds) {
  EXPECT_THAT(lines_of("one\ntwo\r\n\n\r\nfive", 4096), ElementsAre("1:one", "2:two", "3:", "4:", "5:five"));
  EXPECT_THAT(lines_of("", 16), ElementsAre());
  EXPECT_THAT(lines_of("\n", 16), ElementsAre("1:"));
  EXPECT_THAT(lines_of("a\n", 16), ElementsAre("1:a"));
}

TEST(LineSplitter, TakesByteOrderMarksOff) {
  EXPECT_THAT(lines_of("\xEF\xBB\xBFone\n\xEF\xBB\xBF\r\nx\xEF\xBB\xBF", 4096),
              ElementsAre("1:one", "2:", "3:x\xEF\xBB\xBF"));
}

TEST(LineSplitter, SkipsLinesThatAreTooLong) {
  const std::string fits(limit, 'f'), longer(limit + 1, 'l'), endless(10'000, 'e');
  EXPECT_THAT(lines_of(fits + "\n" + longer + "\nx\n" + endless + "\ny\n" + endless, 7),
              ElementsAre("1:" + fits, "2!", "3:x", "4!", "5:y", "6!"));
  EXPECT_THAT(lines_of(longer, 4096), ElementsAre("1!"));
  EXPECT_THAT(lines_of(fits, 4096), ElementsAre("1:" + fits));
}

TEST(LineSplitter, NULBytesAreBytes) {
  EXPECT_THAT(lines_of(std::string("a\0b\n\0", 5), 16),
              ElementsAre(std::string("1:a\0b", 5), std::string("2:\0", 3)));
}

TEST(LineSplitter, AnySplitGivesTheSameLines) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    std::string bytes;
    for (std::size_t i = random() % 200; i > 0; --i) {
      bytes += "ab\r\n\0\xEF\xBB\xBF"[random() % 8];
      if (random() % 30 == 0) bytes += std::string(random() % 60, 'x');
    }
    const auto whole = lines_of(bytes, 1u << 16);
    for (const std::size_t piece : {1u, 2u, 3u, 7u, 19u, 20u, 21u, 22u, 64u})
      ASSERT_EQ(lines_of(bytes, piece), whole) << piece;
  }
}

TEST(LineSplitter, HasReadableBytesBehindEveryLine) {
  LineSplitter splitter(limit, 8);
  const auto room = splitter.room();
  std::copy_n("{}", 2, room.begin());
  splitter.commit(2);
  splitter.finish();
  LineSplitter::Line line;
  ASSERT_EQ(splitter.next(line), LineSplitter::Got::line);
  for (std::size_t i = 0; i < LineSplitter::padding; ++i) EXPECT_EQ(line.text.data()[2 + i], 0);
}

}  // namespace
}  // namespace spiderling
