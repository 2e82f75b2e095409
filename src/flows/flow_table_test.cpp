#include "flows/flow_table.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>

namespace spiderling {
namespace {

FlowKey key_of(std::uint64_t n) { return {{n, ~n, 0, n * 3, 17}}; }

std::vector<std::uint8_t> pattern(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + 1);
  return bytes;
}

bool has_states(const Flow& flow, const std::vector<std::uint8_t>& states) {
  return std::equal(states.begin(), states.end(), flow.states());
}

TEST(FlowTable, FindsWhatWasInserted) {
  FlowTable table(pattern(24), 10);
  EXPECT_EQ(table.find(key_of(1), 99), nullptr);
  Flow* const made = table.insert(key_of(1), 99);
  ASSERT_NE(made, nullptr);
  EXPECT_TRUE(has_states(*made, pattern(24)));
  EXPECT_EQ(table.find(key_of(1), 99), made);
  EXPECT_EQ(&table.flow(made->number), made);
  EXPECT_EQ(table.find(key_of(2), 99), nullptr) << "the same hash is not the same key";
  EXPECT_EQ(table.size(), 1u);
}

TEST(FlowTable, GivesBlankStatesAlsoToAUsedBlock) {
  FlowTable table(pattern(100), 1);
  Flow* flow = table.insert(key_of(1), 1);
  std::memset(flow->states(), 0xee, 100);
  table.erase(*flow);
  flow = table.insert(key_of(2), 2);
  EXPECT_TRUE(has_states(*flow, pattern(100)));
  std::memset(flow->states(), 0xee, 100);
  table.blank(*flow);
  EXPECT_TRUE(has_states(*flow, pattern(100)));
}

TEST(FlowTable, RefusesMoreThanMaxFlows) {
  FlowTable table({}, 3);
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_NE(table.insert(key_of(i), i), nullptr);
  EXPECT_EQ(table.insert(key_of(3), 3), nullptr);
  table.erase(*table.find(key_of(1), 1));
  EXPECT_NE(table.insert(key_of(3), 3), nullptr);
  EXPECT_EQ(table.size(), 3u);
}

TEST(FlowTable, TakesChainsWithoutState) {
  FlowTable table({}, 2);
  Flow* const flow = table.insert(key_of(1), 1);
  ASSERT_NE(flow, nullptr);
  table.blank(*flow);
  EXPECT_EQ(table.find(key_of(1), 1), flow);
}

TEST(FlowTable, TakesStatesLargerThanASlab) {
  const auto states = pattern(5u << 20);
  FlowTable table(states, 4);
  std::vector<Flow*> flows;
  for (std::uint64_t i = 0; i < 4; ++i) flows.push_back(table.insert(key_of(i), i << 40));
  for (std::uint64_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(has_states(*flows[i], states));
    EXPECT_EQ(table.find(key_of(i), i << 40), flows[i]);
    std::memset(flows[i]->states(), 0, states.size());
  }
}

TEST(FlowTable, AlignsFlowsForAnyState) {
  for (const std::size_t size : {0u, 1u, 15u, 16u, 17u, 200u}) {
    FlowTable table(pattern(size), 100);
    for (std::uint64_t i = 0; i < 100; ++i) {
      const Flow* const flow = table.insert(key_of(i), i * 0x123456789abcdefull);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(flow) % 16, 0u);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(flow->states()) % 16, 0u);
    }
  }
}

TEST(FlowTable, PrefetchIsHarmless) {
  FlowTable table(pattern(32), 100);
  table.prefetch_index(5);
  table.prefetch_flow(5);
  table.insert(key_of(5), 5);
  table.prefetch_index(5);
  table.prefetch_flow(5);
  table.prefetch_flow(~std::uint64_t{0});
}

// Everything lands in a few runs, which wrap around the end of the index: the worst that a hash can do.
TEST(FlowTable, ErasesFromLongProbeRuns) {
  std::mt19937_64 random(3);
  FlowTable table(pattern(16), 4000);
  std::unordered_map<std::uint64_t, std::uint64_t> oracle;
  const auto hash_of = [](std::uint64_t n) {
    const std::uint64_t tag = 0xfffffffcu + n % 7;  // the last slots of any index, and the first
    return tag << 32;
  };
  for (std::uint64_t step = 0; step < 30'000; ++step) {
    const std::uint64_t n = random() % 700;
    Flow* const found = table.find(key_of(n), hash_of(n));
    ASSERT_EQ(found != nullptr, oracle.contains(n));
    if (found != nullptr) {
      ASSERT_EQ(found->first_ns, static_cast<std::int64_t>(oracle[n]));
      table.erase(*found);
      oracle.erase(n);
    } else {
      Flow* const made = table.insert(key_of(n), hash_of(n));
      made->first_ns = static_cast<std::int64_t>(step);
      oracle[n] = step;
    }
    ASSERT_EQ(table.size(), oracle.size());
  }
}

TEST(FlowTable, AgreesWithUnorderedMapOnRandomOperations) {
  std::mt19937_64 random(4);
  const std::size_t limit = 30'000;
  FlowTable table(pattern(40), limit);
  std::unordered_map<std::uint64_t, std::int64_t> oracle;
  const auto hash_of = [](std::uint64_t n) { return (n + 1) * 0x9e3779b97f4a7c15ull; };
  for (int step = 0; step < 400'000; ++step) {
    const std::uint64_t n = random() % 40'000;
    Flow* const found = table.find(key_of(n), hash_of(n));
    const auto expected = oracle.find(n);
    ASSERT_EQ(found != nullptr, expected != oracle.end());
    // Grows for a while, then shrinks, so that blocks are used again.
    const bool grow = random() % 8 < (step / 50'000 % 2 == 0 ? 7u : 1u);
    if (found != nullptr) {
      ASSERT_EQ(found->last_ns, expected->second);
      ASSERT_TRUE(found->key == key_of(n));
      if (grow) continue;
      table.erase(*found);
      oracle.erase(expected);
    } else if (grow) {
      Flow* const made = table.insert(key_of(n), hash_of(n));
      ASSERT_EQ(made == nullptr, oracle.size() == limit);
      if (made == nullptr) continue;
      made->last_ns = step;
      oracle[n] = step;
    }
    ASSERT_EQ(table.size(), oracle.size());
  }
  EXPECT_FALSE(oracle.empty());
  for (const auto& [n, value] : oracle) {
    const Flow* const found = table.find(key_of(n), hash_of(n));
    ASSERT_NE(found, nullptr);
    ASSERT_EQ(found->last_ns, value);
  }
}

}  // namespace
}  // namespace spiderling
