#include "python/test_interpreter.h"
// Python.h first: it chooses what the system's headers declare.
#include <gmock/gmock.h>

#include <functional>
#include <memory>

#include "python/python_chef.h"
#include "wire/dissect.h"

namespace spiderling::python {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr RemoteTerms live{};
constexpr RemoteTerms trace{.wait_for_room = true, .packets_time = true, .max_failures = {}};

class PythonChefTest : public PythonTest {
 protected:
  void SetUp() override {
    PythonTest::SetUp();
    run("import threading, time\n"
        "go = threading.Event()\n"      // what blocks, blocks until this
        "inside = threading.Event()\n"  // a handler has begun
        "handled = []\n"
        "class Base:\n"
        "    def __init__(self, kitchen=None):\n"
        "        self.kitchen, self.name = kitchen, 'test'\n");
  }
  // Whatever a test has left in a handler goes on.
  void TearDown() override {
    chef_.reset();
    run("go.set()");
    PythonTest::TearDown();
  }

  /// `body`: the methods of a class named Chef.
  PythonChef& open(const std::string& body, const RemoteTerms& terms) {
    run("class Chef(Base):\n" + body);
    const bool on_packet = body.find("packet_handler") != body.npos;
    const bool on_interval = body.find("interval_handler") != body.npos;
    PyObject* chef_class = nullptr;
    {
      const InterpreterLock lock;
      chef_class = object("Chef");
    }
    chef_ = std::make_unique<PythonChef>(chef_class, on_packet, on_interval);
    chef_->join("Chef", "kitchen");
    chef_->open(terms);
    return *chef_;
  }

  /// A frame of nothing in particular, at so many seconds.
  bool give(PythonChef& chef, int number) {
    const std::uint8_t bytes[14] = {};
    Dissector::dissect(packet_, bytes, sizeof bytes, std::int64_t{1'000'000'000} * number,
                       LinkType::ethernet);
    return chef.give(packet_, Timestamp(std::chrono::seconds(number)));
  }

  /// What was returned until all is handled.
  std::vector<std::string> finish(PythonChef& chef) {
    chef.last();
    std::vector<std::string> all;
    const auto keep = [&](Driver driver, Timestamp created, std::string_view json) {
      times_.push_back(created);
      all.push_back((driver == Driver::packet ? "" : "poke ") + std::string(json));
    };
    EXPECT_TRUE(comes_true([&] {
      chef.collect(keep);
      return chef.done();
    }));
    chef.collect(keep);
    return all;
  }

  void wait_until_inside() {
    EXPECT_TRUE(comes_true([&] {
      const InterpreterLock lock;
      return text_of(Ref(PyObject_CallMethod(object("inside"), "is_set", nullptr)).get()) == "True";
    }));
  }

  Packet packet_;
  std::vector<Timestamp> times_;
  std::unique_ptr<PythonChef> chef_;
};

constexpr const char* blocks =
    "    def packet_handler(self, packet):\n"
    "        inside.set()\n"
    "        go.wait()\n"
    "        handled.append(int(packet.time))\n";

TEST_F(PythonChefTest, WhatIsReturnedComesInTheOrderOfPacketsAndPokes) {
  PythonChef& chef = open(
      "    def packet_handler(self, packet):\n"
      "        return {'at': int(packet.time)} if packet.time % 2 else None\n"
      "    def interval_handler(self, interval=None):\n"
      "        return interval\n",
      trace);
  for (int i = 1; i <= 3; ++i) give(chef, i);
  chef.poke(2500ms, Timestamp(4s));
  give(chef, 5);
  EXPECT_THAT(finish(chef), ElementsAre("{\"at\":1}", "{\"at\":3}", "poke 2.5", "{\"at\":5}"));
  EXPECT_THAT(times_, ElementsAre(Timestamp(1s), Timestamp(3s), Timestamp(4s), Timestamp(5s)))
      << "of packets, in a trace";
  EXPECT_EQ(chef.counters().handled, 5u);
  EXPECT_EQ(chef.counters().waiting, 0u);
}

TEST_F(PythonChefTest, LiveWhatFindsNoRoomIsDroppedAndCounted) {
  PythonChef& chef = open(blocks, live);
  constexpr int beyond = 1000;
  constexpr int all = static_cast<int>(ChefQueue::most_items) + beyond;
  for (int i = 0; i < all; ++i) EXPECT_TRUE(give(chef, i)) << "a live kitchen never waits";
  EXPECT_EQ(chef.counters().dropped, std::uint64_t{beyond});
  EXPECT_EQ(chef.counters().waiting, ChefQueue::most_items);
  ASSERT_TRUE(chef.report().queue);
  EXPECT_EQ(chef.report().queue->dropped, std::uint64_t{beyond});
  EXPECT_EQ(chef.report().queue->waiting, ChefQueue::most_items);
  run("go.set()");
  finish(chef);
  EXPECT_EQ(chef.counters().handled, ChefQueue::most_items);
  run("is_first = handled == list(range(len(handled)))");
  EXPECT_EQ(value("is_first"), "True") << "the newest were dropped, and the order is kept";
}

TEST_F(PythonChefTest, OfATraceNothingIsDropped) {
  PythonChef& chef = open(blocks, trace);
  int given = 0;
  while (give(chef, given)) ++given;
  EXPECT_EQ(given, static_cast<int>(ChefQueue::most_items));
  EXPECT_FALSE(chef.poke(1s, {})) << "a poke waits, too";
  EXPECT_EQ(chef.counters().dropped, 0u);
  run("go.set()");
  EXPECT_TRUE(comes_true([&] {
    chef.wait(20ms);
    return give(chef, given);
  }));
  finish(chef);
  run("count = len(handled)");
  EXPECT_EQ(value("count"), std::to_string(given + 1));
}

TEST_F(PythonChefTest, WhatIsNotFetchedHoldsTheChefUpAndIsBounded) {
  PythonChef& chef = open(
      "    def packet_handler(self, packet):\n"
      "        handled.append(1)\n"
      "        return 'x' * 1000000\n",
      trace);
  for (int i = 0; i < 60; ++i) give(chef, i);
  chef.last();
  std::uint64_t handled = 0;
  // It goes on no more: between two looks nothing changes.
  EXPECT_TRUE(comes_true([&] {
    std::this_thread::sleep_for(100ms);
    return std::exchange(handled, chef.counters().handled) == handled && handled > 0;
  }));
  EXPECT_LT(handled, 30u) << "some 16 MB wait";
  EXPECT_FALSE(chef.done());
  std::size_t size = 0;
  EXPECT_TRUE(comes_true([&] {
    chef.collect([&](Driver, Timestamp, std::string_view json) { size += json.size(); });
    return chef.done();
  }));
  chef.collect([&](Driver, Timestamp, std::string_view json) { size += json.size(); });
  EXPECT_EQ(size, 60u * 1'000'002);
}

TEST_F(PythonChefTest, WhatWaitsBehindAHandlerThatBlocksIsAbandoned) {
  PythonChef& chef = open(blocks, live);
  for (int i = 0; i < 10; ++i) give(chef, i);
  chef.last();
  wait_until_inside();
  EXPECT_FALSE(chef.done());
  chef.abandon();
  run("go.set()");
  EXPECT_TRUE(comes_true([&] { return chef.done(); }));
  run("count = len(handled)");
  EXPECT_EQ(value("count"), "1") << "the one that ran";
}

// Nor does it take the interpreter from others.
TEST_F(PythonChefTest, AHandlerThatLoopsForEverIsLeftBehind) {
  PythonChef& chef = open(
      "    def packet_handler(self, packet):\n"
      "        inside.set()\n"
      "        while not go.is_set():\n"
      "            pass\n",
      live);
  give(chef, 1);
  chef.hand_over();
  wait_until_inside();
  chef.last();
  const auto began = std::chrono::steady_clock::now();
  chef_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s) << "it would loop for a minute and more";
  run("other = 'runs'");
  EXPECT_EQ(value("other"), "runs");
}

TEST_F(PythonChefTest, LiveAPokeThatComesWhileTheLastOneWaitsIsSkipped) {
  PythonChef& chef = open(
      "    def interval_handler(self, interval=None):\n"
      "        inside.set()\n"
      "        go.wait()\n"
      "        return 'poked'\n",
      live);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(chef.poke(1s, {}));
  EXPECT_EQ(chef.counters().skipped_pokes, 4u);
  EXPECT_EQ(chef.report().queue->skipped_pokes, 4u);
  run("go.set()");
  EXPECT_THAT(finish(chef), ElementsAre("poke \"poked\""));
}

TEST_F(PythonChefTest, OfATraceNoPokeIsSkipped) {
  PythonChef& chef = open("    def interval_handler(self, interval=None):\n        return interval\n", trace);
  for (int i = 1; i <= 5; ++i) EXPECT_TRUE(chef.poke(std::chrono::seconds(i), {}));
  EXPECT_THAT(finish(chef), ElementsAre("poke 1.0", "poke 2.0", "poke 3.0", "poke 4.0", "poke 5.0"));
  EXPECT_EQ(chef.counters().skipped_pokes, 0u);
}

TEST_F(PythonChefTest, FailuresAreCountedAndTooManyInARowSetItAside) {
  PythonChef& chef = open(
      "    def packet_handler(self, packet):\n"
      "        handled.append(1)\n"
      "        if packet.time != 3:\n"
      "            raise SystemExit('no')\n"
      "        return 'well'\n",
      {.wait_for_room = true, .packets_time = true, .max_failures = {.in_a_row = 4}});
  for (int i = 1; i <= 20; ++i) give(chef, i);
  EXPECT_THAT(finish(chef), ElementsAre("\"well\""));
  const RemoteCounters counters = chef.counters();
  EXPECT_EQ(counters.failures, 6u) << "two, then four in a row";
  EXPECT_TRUE(counters.set_aside);
  EXPECT_EQ(counters.handled, 20u);
  run("count = len(handled)");
  EXPECT_EQ(value("count"), "7");
  const ChefReport report = chef.report();
  EXPECT_TRUE(report.set_aside);
  ASSERT_EQ(report.handlers.size(), 1u);
  EXPECT_EQ(report.handlers[0].handler, "packet_handler");
  EXPECT_EQ(report.handlers[0].figures.calls, 7u);
  EXPECT_EQ(report.handlers[0].figures.failures, 6u);
}

TEST_F(PythonChefTest, PayloadsThatAreNoJsonAreCounted) {
  PythonChef& chef = open(
      "    def packet_handler(self, packet):\n        return b'bytes' if packet.time == 2 else 1\n", trace);
  for (int i = 1; i <= 3; ++i) give(chef, i);
  EXPECT_THAT(finish(chef), ElementsAre("1", "1"));
  EXPECT_EQ(chef.counters().unwritable, 1u);
  EXPECT_EQ(chef.counters().failures, 0u);
}

TEST_F(PythonChefTest, WhatItsConstructorRaisesIsSaid) {
  run("class Chef(Base):\n    def __init__(self, kitchen=None):\n        raise OSError('no licence')\n");
  PyObject* chef_class = nullptr;
  {
    const InterpreterLock lock;
    chef_class = object("Chef");
  }
  PythonChef chef(chef_class, true, false);
  chef.join("Chef", "kitchen");
  try {
    chef.open(live);
    FAIL() << "it was constructed";
  } catch (const std::exception& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("no licence"));
  }
}

}  // namespace
}  // namespace spiderling::python
