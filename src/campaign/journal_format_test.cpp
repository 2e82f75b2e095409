#include "campaign/journal_format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace spiderling {
namespace {

const RunIdentity ecn{"ecn", "1.0.0", {{"--timeout", "5"}, {"--output-flows", "true"}}};

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

RunProgress progress(std::uint64_t length, std::vector<std::uint16_t> digests,
                     std::vector<std::uint64_t> lines) {
  return {length, static_cast<std::uint32_t>(length * 7), std::move(digests), std::move(lines)};
}

TEST(JournalFormat, SaysWhatWasWritten) {
  RunProgress first = progress(1000, {1, 2, 65535, 4, 5, 6, 7, 8}, {7, 3, 4, 5});
  RunProgress second = progress(5000, {9, 10}, {1, 9, 40});
  const std::string text = journal_beginning(ecn) + journal_record(first) + journal_record(second);
  auto state = read_journal(bytes_of(text));
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(state->run, ecn);
  EXPECT_EQ(state->output_length, 5000u);
  EXPECT_EQ(state->output_tail, 35'000u);
  EXPECT_EQ(state->digests, (std::vector<std::uint16_t>{1, 2, 65535, 4, 5, 6, 7, 8, 9, 10}));
  EXPECT_EQ(state->finished.size(), 7u);
  for (const std::uint64_t line : {1u, 3u, 4u, 5u, 7u, 9u, 40u})
    EXPECT_TRUE(state->finished.contains(line)) << line;
  EXPECT_FALSE(state->ended);
  EXPECT_EQ(state->valid_length, text.size());
  EXPECT_TRUE(read_journal(bytes_of(text + journal_end()))->ended);
}

TEST(JournalFormat, WhateverIsTornOffTheWholeRecordsBeforeItCount) {
  const std::string beginning = journal_beginning(ecn);
  std::string text = beginning;
  std::vector<std::size_t> ends{text.size()};
  for (std::uint64_t i = 1; i <= 5; ++i) {
    RunProgress one = progress(i * 100, {static_cast<std::uint16_t>(i)}, {i});
    text += journal_record(one);
    ends.push_back(text.size());
  }
  text += journal_end();
  ends.push_back(text.size());
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const std::string torn = text.substr(0, size);
    const auto state = read_journal(bytes_of(torn));
    if (size < beginning.size()) {
      EXPECT_FALSE(state) << size;
      EXPECT_TRUE(is_unbegun_journal(bytes_of(torn))) << size;
      continue;
    }
    EXPECT_FALSE(is_unbegun_journal(bytes_of(torn))) << size;
    ASSERT_TRUE(state) << size;
    const auto whole = static_cast<std::size_t>(std::ranges::upper_bound(ends, size) - ends.begin()) - 1;
    EXPECT_EQ(state->valid_length, ends[whole]) << size;
    EXPECT_EQ(state->finished.size(), std::min<std::size_t>(whole, 5)) << size;
    EXPECT_EQ(state->output_length, 100 * std::min<std::size_t>(whole, 5)) << size;
    EXPECT_EQ(state->ended, whole == 6) << size;
  }
}

TEST(JournalFormat, ABitThatChangedIsNoticed) {
  RunProgress first = progress(100, {1, 2, 3}, {1, 3}), second = progress(200, {4}, {2});
  const std::string beginning = journal_beginning(ecn), record = journal_record(first);
  const std::string text = beginning + record + journal_record(second);
  for (std::size_t at = beginning.size(); at < text.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = text;
      damaged[at] = static_cast<char>(damaged[at] ^ 1 << bit);
      const auto state = read_journal(bytes_of(damaged));
      ASSERT_TRUE(state);
      EXPECT_EQ(state->valid_length,
                at < beginning.size() + record.size() ? beginning.size() : beginning.size() + record.size());
    }
  }
}

TEST(JournalFormat, WhatIsNoJournalIsNotTakenForAnEmptyOne) {
  for (const std::string& text : {std::string("{\"dip\": \"192.0.2.1\"}\n"),
                                  std::string("spiderling journal 1\n"), std::string(100'000, 'x')}) {
    EXPECT_FALSE(read_journal(bytes_of(text))) << text.substr(0, 30);
    EXPECT_FALSE(is_unbegun_journal(bytes_of(text))) << text.substr(0, 30);
  }
  EXPECT_TRUE(is_unbegun_journal({}));
  EXPECT_TRUE(is_unbegun_journal(bytes_of(std::string(4096, '\0')))) << "room without contents";
  RunProgress some = progress(100, {1}, {1});
  std::string damaged = journal_beginning(ecn) + journal_record(some);
  damaged[40] ^= 1;
  EXPECT_FALSE(read_journal(bytes_of(damaged)));
  EXPECT_FALSE(is_unbegun_journal(bytes_of(damaged))) << "work was done for it";
}

TEST(JournalFormat, WhatCannotBeIsRefused) {
  const auto refused = [](std::string more) {
    const std::string text = journal_beginning(ecn) + more;
    return !read_journal(bytes_of(text)).has_value();
  };
  RunProgress one = progress(100, {1, 2}, {1}), twice = progress(200, {3}, {1});
  EXPECT_TRUE(refused(journal_record(one) + journal_record(twice))) << "a line that was finished twice";
  RunProgress shorter = progress(50, {}, {2});
  EXPECT_TRUE(refused(journal_record(one) + journal_record(shorter))) << "results that became fewer";
  RunProgress far = progress(100, {1}, {LineSet::last_line + 1});
  EXPECT_TRUE(refused(journal_record(far)));
  RunProgress many = progress(100, {1}, {1, 2, 3});
  EXPECT_TRUE(refused(journal_record(many))) << "more finished than were read";
  EXPECT_TRUE(refused(journal_end() + journal_record(one))) << "something after the end";
  EXPECT_TRUE(refused(journal_beginning(ecn).substr(25))) << "two beginnings";
}

TEST(JournalFormat, AMillionJobsInAnyOrderAreFewBytes) {
  std::vector<std::uint64_t> all(1'000'000);
  std::iota(all.begin(), all.end(), 1u);
  std::ranges::shuffle(all, std::mt19937_64(7));
  std::string text = journal_beginning(ecn);
  for (std::size_t from = 0; from < all.size(); from += 5000) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(from);
    RunProgress some = progress(from, std::vector<std::uint16_t>(5000), {begin, begin + 5000});
    text += journal_record(some);
  }
  EXPECT_LT(text.size(), 5u << 20);
  const auto state = read_journal(bytes_of(text));
  ASSERT_TRUE(state);
  EXPECT_EQ(state->finished.size(), all.size());
}

TEST(JournalFormat, DifferencesAreNamed) {
  EXPECT_EQ(difference(ecn, ecn), "");
  RunIdentity other = ecn;
  other.measurement = "dscp";
  EXPECT_EQ(difference(ecn, other), "it measured ecn, not dscp");
  other = ecn;
  other.version = "2.0.0";
  EXPECT_EQ(difference(ecn, other), "it was begun by ecn 1.0.0, this is 2.0.0");
  other = ecn;
  other.options = {{"--timeout", "6"}, {"--seed", "3"}};
  EXPECT_EQ(difference(ecn, other),
            "--timeout was 5, is 6; --output-flows was true, is not given; --seed was not given, is 3");
}

}  // namespace
}  // namespace spiderling
