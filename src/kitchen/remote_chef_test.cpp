// A kitchen beside a chef that may lag behind: one of scripted answers, in no thread of its own.
#include "kitchen/remote_chef.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <utility>

#include "kitchen/kitchen.h"
#include "kitchen/test_frames.h"

namespace spiderling {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::FrameList;
using ::testing::IsEmpty;
using testing::KeptDumplings;
using ::testing::SizeIs;

// What the chef is to do, and what it was told: the kitchen owns the chef itself.
struct Script {
  std::size_t room = SIZE_MAX;         // items that may wait
  std::size_t handles_at_a_wait = 0;   // of those, at each wait()
  std::size_t handles_at_a_fetch = 0;  // at each collect()
  bool ends = true;                    // false: it never gets to the end
  std::uint64_t fails_after = UINT64_MAX;

  RemoteTerms terms{};
  std::deque<std::string> waiting{};
  std::vector<std::pair<Driver, std::string>> made{};
  std::vector<Timestamp> created{};
  RemoteCounters counters{};
  std::size_t refusals = 0;
  std::size_t waits = 0;
  bool told_last = false;
  bool abandoned = false;
};
Script* script = nullptr;

class ScriptedChef : public RemoteChef {
 public:
  void open(const RemoteTerms& terms) override { script->terms = terms; }
  bool give(const Packet& packet, Timestamp created) override {
    if (script->waiting.size() >= script->room) {
      ++script->refusals;
      if (script->terms.wait_for_room) return false;
      ++script->counters.dropped;
      return true;
    }
    script->waiting.push_back(std::to_string(packet.time().time_since_epoch() / 1s));
    script->created.push_back(created);
    return true;
  }
  bool poke(std::chrono::duration<double> interval, Timestamp created) override {
    script->waiting.push_back("poke of " + std::to_string(static_cast<int>(interval.count())));
    script->created.push_back(created);
    return true;
  }
  void hand_over() override {}
  void collect(const Serve& serve) override {
    handle(script->handles_at_a_fetch);
    for (const auto& [driver, what] : std::exchange(script->made, {}))
      serve(driver, Timestamp(1s), '"' + what + '"');
  }
  void wait(std::chrono::milliseconds) override {
    ++script->waits;
    handle(script->handles_at_a_wait);
  }
  void last() override { script->told_last = true; }
  bool done() const override { return script->ends && script->waiting.empty(); }
  void abandon() override { script->abandoned = true; }
  RemoteCounters counters() const override {
    RemoteCounters counters = script->counters;
    counters.waiting = script->waiting.size();
    return counters;
  }
  ChefReport report() const override { return {"ScriptedChef", script->counters.set_aside, {}}; }

  Payload packet_handler(const Packet&) override { throw std::runtime_error("not for its kitchen to call"); }
  Payload interval_handler(std::chrono::duration<double>) override { return packet_handler(Packet()); }

 private:
  static void handle(std::size_t count) {
    for (; count > 0 && !script->waiting.empty(); --count) {
      const std::string what = std::move(script->waiting.front());
      script->waiting.pop_front();
      const bool is_poke = what.starts_with("poke");
      script->made.emplace_back(is_poke ? Driver::interval : Driver::packet, what);
      if (++script->counters.handled >= script->fails_after) script->counters.set_aside = true;
    }
  }
};

class CountingChef : public Chef {
 public:
  Payload packet_handler(const Packet& packet) override { return packet.time().time_since_epoch() / 1s; }
};

class RemoteChefTest : public ::testing::Test {
 protected:
  RemoteChefTest() { script = &script_; }
  ~RemoteChefTest() override { script = nullptr; }

  static FrameList frames(int count) {
    FrameList list;
    PacketBuffer<256> packet;
    for (int i = 1; i <= count; ++i) {
      packet.clear().ethernet().ip4(
          {.source = testing::address("10.0.0.1"), .destination = testing::address("10.0.0.2")});
      packet.udp({.source_port = 9, .destination_port = 7}).payload("x");
      list.add(packet, i);
    }
    return list;
  }
  static KitchenOptions live() { return {.name = "test", .poke_interval = 1h}; }
  static KitchenOptions of_a_trace(std::chrono::nanoseconds interval = 1h) {
    return {.name = "test", .poke_interval = interval, .time = KitchenOptions::Time::of_packets};
  }

  void run(int packets, KitchenOptions options) {
    Kitchen kitchen(std::move(options), kept_);
    ASSERT_TRUE(kitchen.take_on(describe_chef<ScriptedChef>("ScriptedChef")));
    ASSERT_TRUE(kitchen.take_on(describe_chef<CountingChef>("CountingChef")));
    const FrameList list = frames(packets);
    kitchen.start();
    for (const Frame& frame : list.frames()) kitchen.process({&frame, 1});
    kitchen.finish();
    counters_ = kitchen.counters();
  }
  std::vector<std::string> remote_payloads() const {
    std::vector<std::string> payloads;
    for (const auto& one : kept_.of("ScriptedChef")) payloads.emplace_back(one.at(1).as_string());
    return payloads;
  }

  Script script_;
  KeptDumplings kept_;
  KitchenCounters counters_;
};

TEST_F(RemoteChefTest, WhatItMakesComesInTheOrderOfWhatItWasGiven) {
  script_.handles_at_a_fetch = 1;
  script_.handles_at_a_wait = 1;
  run(5, of_a_trace(2s));
  EXPECT_TRUE(script_.terms.wait_for_room);
  EXPECT_TRUE(script_.terms.packets_time);
  EXPECT_THAT(remote_payloads(),
              ElementsAre("poke of 2", "1", "2", "poke of 2", "3", "4", "poke of 2", "5", "poke of 2"));
  EXPECT_TRUE(script_.told_last);
  EXPECT_FALSE(script_.abandoned);
  EXPECT_EQ(counters_.left_behind, 0u);
  EXPECT_THAT(kept_.of("CountingChef"), SizeIs(5));
}

TEST_F(RemoteChefTest, LiveNobodyWaitsForItAndWhatItDropsIsCounted) {
  script_.room = 10;
  script_.handles_at_a_wait = 1;
  run(100, live());
  EXPECT_FALSE(script_.terms.wait_for_room);
  EXPECT_EQ(counters_.remote_dropped, 91u) << "beside a poke, at once, nine find room";
  EXPECT_EQ(script_.counters.handled, 10u);
  EXPECT_THAT(remote_payloads(), ElementsAre("poke of 3600", "1", "2", "3", "4", "5", "6", "7", "8", "9"));
  EXPECT_THAT(kept_.of("CountingChef"), SizeIs(100)) << "native chefs lose nothing";
  EXPECT_EQ(script_.waits, 10u) << "only at the end";
}

TEST_F(RemoteChefTest, ATraceWaitsForRoomAndLosesNothing) {
  script_.room = 3;
  script_.handles_at_a_wait = 1;
  run(50, of_a_trace());
  EXPECT_GT(script_.refusals, 10u);
  EXPECT_EQ(counters_.remote_dropped, 0u);
  EXPECT_EQ(script_.counters.handled, 52u) << "and a poke at the beginning and the end";
  EXPECT_THAT(kept_.of("CountingChef"), SizeIs(50));
}

TEST_F(RemoteChefTest, WhoWaitsForRoomGivesUpWhenTold) {
  script_.room = 3;  // and it handles nothing
  script_.ends = false;
  KitchenOptions options = of_a_trace();
  options.give_up = [&] { return script_.waits > 5; };
  const auto began = std::chrono::steady_clock::now();
  run(10, std::move(options));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 8s);
  EXPECT_TRUE(script_.abandoned);
  EXPECT_EQ(counters_.left_behind, 8u + 4u) << "what found no room, and what waited, pokes too";
  EXPECT_THAT(kept_.of("CountingChef"), SizeIs(10));
}

// One handler that never returns: what waits is left behind and counted, and the kitchen ends.
TEST_F(RemoteChefTest, AnEndThatWasAskedForDoesNotWaitForAHandler) {
  script_.ends = false;
  KitchenOptions options = live();
  options.give_up = [] { return true; };
  const auto began = std::chrono::steady_clock::now();
  run(4, std::move(options));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 8s) << "two seconds are given";
  EXPECT_TRUE(script_.told_last);
  EXPECT_TRUE(script_.abandoned);
  EXPECT_EQ(counters_.left_behind, 5u) << "a poke too";
  EXPECT_THAT(remote_payloads(), IsEmpty());
}

TEST_F(RemoteChefTest, OneThatIsSetAsideGetsNothingMore) {
  script_.handles_at_a_fetch = 1;
  script_.handles_at_a_wait = 1;
  script_.fails_after = 3;
  run(20, of_a_trace());
  EXPECT_EQ(counters_.set_aside, 1u);
  EXPECT_LT(script_.counters.handled, 6u);
  EXPECT_THAT(kept_.of("CountingChef"), SizeIs(20));
}

TEST_F(RemoteChefTest, ItsFiguresAreTheKitchensToo) {
  script_.handles_at_a_wait = 100;
  script_.counters = {.dropped = 3, .skipped_pokes = 4, .failures = 5, .unwritable = 6};
  run(1, live());
  EXPECT_EQ(counters_.remote_dropped, 3u);
  EXPECT_EQ(counters_.skipped_pokes, 4u);
  EXPECT_EQ(counters_.failures, 5u);
  EXPECT_EQ(counters_.dumplings.unwritable, 6u);
}

}  // namespace
}  // namespace spiderling
