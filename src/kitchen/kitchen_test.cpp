#include "kitchen/kitchen.h"

#include <gmock/gmock.h>

#include <functional>
#include <future>
#include <limits>
#include <stdexcept>
#include <thread>
#include <typeinfo>

#include <boost/json/serialize.hpp>

#include "kitchen/layers.h"
#include "kitchen/test_frames.h"
#include "wire/testing.h"

namespace spiderling {
namespace {

using testing::FrameList;
using ::testing::IsEmpty;
using testing::KeptDumplings;
using ::testing::SizeIs;
using namespace std::chrono_literals;

KitchenOptions of_packets(std::chrono::nanoseconds interval = 5s) {
  return {.name = "test", .poke_interval = interval, .time = KitchenOptions::Time::of_packets};
}

class CountingChef : public Chef {
 public:
  Payload packet_handler(const Packet&) override { return ++packets_; }
  Payload interval_handler(std::chrono::duration<double> interval) override {
    return {{"packets", packets_}, {"interval", interval.count()}};
  }

 private:
  std::int64_t packets_ = 0;
};

class ThrowingChef : public Chef {
 public:
  Payload packet_handler(const Packet&) override { throw std::runtime_error("a packet"); }
  Payload interval_handler(std::chrono::duration<double>) override { throw 7; }
};

// Every seventh packet goes well, from the seventh.
class FailingSometimes : public Chef {
 public:
  Payload packet_handler(const Packet&) override {
    if (++packets_ % 7 != 0 && packets_ <= 98) throw std::runtime_error("not yet");
    return {};
  }

 private:
  int packets_ = 0;
};

class SlowChef : public Chef {
 public:
  Payload packet_handler(const Packet&) override {
    std::this_thread::sleep_for(2ms);
    return {};
  }
};

// Does not return until the test knows its name, or a minute has passed.
class WaitingChef : public Chef {
 public:
  static inline std::future<std::string>* until = nullptr;
  Payload packet_handler(const Packet&) override {
    until->wait_for(60s);
    return {};
  }
};

class ElsewhereChef : public Chef, public MeteredElsewhere {
 public:
  ChefReport report() const override { return {"there", true, {}}; }
};

class NanChef : public Chef {
 public:
  Payload packet_handler(const Packet&) override { return {{"x", std::numeric_limits<double>::quiet_NaN()}}; }
};

class HugeChef : public Chef {
 public:
  Payload packet_handler(const Packet&) override { return std::string(2 << 20, 'x').c_str(); }
};

class ArpOnlyChef : public Chef {
 public:
  static constexpr Layers wants = Layers::arp;
  Payload packet_handler(const Packet& packet) override { return packet.arp().has_value(); }
};

class FilterChef : public Chef {
 public:
  static constexpr const char* filter = "udp port 7";
  Payload packet_handler(const Packet& packet) override { return packet.destination_port(); }
};

class BadFilterChef : public Chef {
 public:
  static constexpr const char* filter = "no filter";
};

class UnmakeableChef : public Chef {
 public:
  UnmakeableChef() { throw std::runtime_error("no licence"); }
};

class NameChef : public Chef {
 public:
  Payload packet_handler(const Packet&) override { return {{"name", name()}, {"kitchen", kitchen()}}; }
};

FrameList udp_frames(int count, double step = 0, std::uint16_t port = 7) {
  FrameList list;
  PacketBuffer<256> packet;
  for (int i = 0; i < count; ++i) {
    packet.clear().ethernet().ip4(
        {.source = testing::address("10.0.0.1"), .destination = testing::address("10.0.0.2")});
    packet.udp({.source_port = 9, .destination_port = port}).payload("x");
    list.add(packet, 1000 + step * i);
  }
  return list;
}

template <class... Chefs>
KeptDumplings run(const FrameList& frames, KitchenOptions options, KitchenCounters* counters = nullptr) {
  KeptDumplings kept;
  Kitchen kitchen(std::move(options), kept);
  const bool all_taken = (kitchen.take_on(describe_chef<Chefs>(typeid(Chefs).name())).has_value() && ...);
  EXPECT_TRUE(all_taken);
  kitchen.start();
  kitchen.process(frames.frames());
  kitchen.finish();
  if (counters != nullptr) *counters = kitchen.counters();
  EXPECT_TRUE(kept.counts_agree);
  return kept;
}

template <class C>
std::vector<boost::json::value> of(const KeptDumplings& kept) {
  return kept.of(typeid(C).name());
}

TEST(Kitchen, MetadataSayWhoWhenAndWhy) {
  const auto kept = run<NameChef>(udp_frames(1), of_packets());
  ASSERT_THAT(kept.all, SizeIs(1));
  const auto& metadata = kept.all[0].at("metadata");
  EXPECT_EQ(metadata.at("chef").as_string(), typeid(NameChef).name());
  EXPECT_EQ(metadata.at("kitchen").as_string(), "test");
  EXPECT_EQ(metadata.at("driver").as_string(), "packet");
  EXPECT_EQ(metadata.at("creation_time").as_double(), 1000.0);
  EXPECT_EQ(kept.all[0].at("payload").at("kitchen").as_string(), "test");
  EXPECT_EQ(kept.all[0].at("payload").at("name").as_string(), typeid(NameChef).name());
}

TEST(Kitchen, PokesFollowThePacketsTime) {
  // At 1000 (start), 1005, 1010 and once more at the end.
  const auto kept = of<CountingChef>(run<CountingChef>(udp_frames(13, 1.0), of_packets()));
  std::vector<std::int64_t> at_poke;
  for (const auto& dumpling : kept) {
    if (dumpling.at(0) == "interval") at_poke.push_back(dumpling.at(1).at("packets").as_int64());
  }
  EXPECT_THAT(at_poke, ::testing::ElementsAre(0, 5, 10, 13));
}

TEST(Kitchen, IntervalDumplingsBearTheTimeOfTheirPoke) {
  const auto kept = run<CountingChef>(udp_frames(2, 12.0), of_packets());
  std::vector<double> times;
  for (const auto& dumpling : kept.all)
    times.push_back(dumpling.at("metadata").at("creation_time").as_double());
  EXPECT_THAT(times, ::testing::ElementsAre(1000, 1000, 1005, 1010, 1012, 1012));
}

TEST(Kitchen, AGapOfAYearEnds) {
  KitchenCounters counters;
  const auto kept = run<CountingChef>(udp_frames(2, 365.0 * 86400), of_packets(), &counters);
  EXPECT_LT(kept.all.size(), 200u);
  EXPECT_GT(counters.skipped_pokes, 6'000'000u);
}

TEST(Kitchen, OnePacketFromTheFutureDoesNotStopThePokes) {
  FrameList frames = udp_frames(1);
  frames.add({frames.frames()[0].data, frames.frames()[0].captured}, 4e9);
  const FrameList rest = udp_frames(3000, 0.1);
  for (const Frame& frame : rest.frames())
    frames.add({frame.data, frame.captured}, static_cast<double>(frame.time_ns) / 1e9);
  KitchenCounters counters;
  const auto kept = of<CountingChef>(run<CountingChef>(frames, of_packets(), &counters));
  std::size_t pokes_after = 0;
  for (const auto& dumpling : kept) {
    if (dumpling.at(0) == "interval" && dumpling.at(1).at("packets").as_int64() > 100) ++pokes_after;
  }
  EXPECT_GT(pokes_after, 30u);
}

TEST(Kitchen, AFailingChefHarmsNoOther) {
  KitchenCounters counters;
  KitchenOptions options = of_packets();
  options.max_failures = {0};
  const auto kept = run<ThrowingChef, CountingChef>(udp_frames(100), std::move(options), &counters);
  EXPECT_THAT(of<CountingChef>(kept), SizeIs(102));
  EXPECT_THAT(of<ThrowingChef>(kept), IsEmpty());
  EXPECT_EQ(counters.failures, 102u);
  EXPECT_EQ(counters.set_aside, 0u);
}

// What became of a kitchen, asked before it goes.
template <class... Chefs>
std::vector<ChefReport> reports_after(const FrameList& frames, KitchenOptions options,
                                      const std::function<void(const Kitchen&)>& look = {}) {
  KeptDumplings kept;
  Kitchen kitchen(std::move(options), kept);
  const bool all_taken = (kitchen.take_on(describe_chef<Chefs>(typeid(Chefs).name())).has_value() && ...);
  EXPECT_TRUE(all_taken);
  kitchen.process(frames.frames());
  if (look) look(kitchen);
  kitchen.finish();
  return kitchen.reports();
}

TEST(Kitchen, AChefThatFailsAgainAndAgainIsSetAside) {
  KitchenOptions options = of_packets();
  options.max_failures = {7};
  const auto reports = reports_after<ThrowingChef, CountingChef, FailingSometimes>(
      udp_frames(100), options, [](const Kitchen& kitchen) {
        EXPECT_TRUE(kitchen.wanted());
        EXPECT_FALSE(kitchen.all_set_aside());
        EXPECT_EQ(kitchen.counters().set_aside, 1u);
        EXPECT_EQ(kitchen.counters().failures, 1u + 7 + 84);  // a poke, packets, those of FailingSometimes
      });
  ASSERT_THAT(reports, SizeIs(3));
  EXPECT_TRUE(reports[0].set_aside);
  EXPECT_EQ(reports[0].handlers.at(0).figures.calls, 7u);
  EXPECT_EQ(reports[0].handlers.at(0).figures.failures, 7u);
  EXPECT_EQ(reports[0].handlers.at(1).handler, "interval_handler");
  EXPECT_EQ(reports[0].handlers.at(1).figures.failures, 1u);  // none at the end
  EXPECT_FALSE(reports[1].set_aside);
  EXPECT_EQ(reports[1].handlers.at(0).figures.calls, 100u);
  EXPECT_EQ(reports[1].handlers.at(1).figures.calls, 2u);
  EXPECT_FALSE(reports[2].set_aside);  // six in a row, then one that goes well
  EXPECT_THAT(reports[2].handlers, SizeIs(1));
  EXPECT_EQ(reports[2].handlers.at(0).figures.failures, 84u);
}

TEST(Kitchen, WithoutAChefLeftNothingMoreIsWanted) {
  KitchenOptions options = of_packets();
  options.max_failures = {3};
  reports_after<ThrowingChef>(udp_frames(3), options, [](const Kitchen& kitchen) {
    EXPECT_TRUE(kitchen.all_set_aside());
    EXPECT_FALSE(kitchen.wanted());
  });
}

TEST(Kitchen, TheTimeOfEachHandlerIsMeasured) {
  const auto reports = reports_after<SlowChef, CountingChef>(udp_frames(3), of_packets());
  const HandlerFigures& slow = reports.at(0).handlers.at(0).figures;
  EXPECT_GE(slow.busy, 5ms);  // three calls of two milliseconds, less what looking at the clock costs
  EXPECT_GE(slow.longest, 1900us);
  EXPECT_EQ(slow.calls, 3u);
}

TEST(Kitchen, AHandlerThatBlocksIsNamedWhileItDoes) {
  std::promise<std::string> named;
  WatchdogOptions impatient{10ms, 1ms, [&](const BlockedHandler& handler) {
                              if (!handler.ended) named.set_value(std::string(handler.name));
                            }};
  Watchdog watchdog(impatient);
  KitchenOptions options = of_packets();
  options.watchdog = &watchdog;
  auto name = named.get_future();
  WaitingChef::until = &name;
  const auto reports = reports_after<WaitingChef>(udp_frames(1), options);
  EXPECT_EQ(name.get(), std::string("packet_handler of chef ") + typeid(WaitingChef).name());
  EXPECT_EQ(reports.at(0).handlers.at(0).figures.blocked, 1u);
  EXPECT_GE(reports.at(0).handlers.at(0).figures.longest, 10ms);
}

TEST(Kitchen, TellsHowItIsWhenItIsAskedTo) {
  KitchenOptions options = of_packets();
  options.status_interval = 1ns;
  const auto kept = run<CountingChef>(udp_frames(4), std::move(options));
  const auto told = kept.of(kitchen_status_chef);
  ASSERT_THAT(told, SizeIs(2));  // with the frames, and at the end
  EXPECT_EQ(told.back().at(0).as_string(), "interval");
  const auto status = KitchenStatus::read(boost::json::serialize(told.back().at(1)));
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->packets, 4u);
  EXPECT_EQ(status->dumplings, 7u);  // four packets, two pokes, the first status
  ASSERT_THAT(status->chefs, SizeIs(1));
  EXPECT_EQ(status->chefs[0].handlers.at(0).figures.calls, 4u);
  EXPECT_THAT(run<CountingChef>(udp_frames(4), of_packets()).of(kitchen_status_chef), IsEmpty());
}

TEST(Kitchen, ChefsThatAreMeasuredElsewhereReportThemselves) {
  const auto reports = reports_after<ElsewhereChef>(udp_frames(1), of_packets());
  EXPECT_EQ(reports.at(0).chef, "there");
  EXPECT_TRUE(reports.at(0).set_aside);
}

TEST(Kitchen, WhatJsonCannotSayIsCountedAndSkipped) {
  KitchenCounters counters;
  const auto kept = run<NanChef, HugeChef, CountingChef>(udp_frames(10), of_packets(), &counters);
  EXPECT_THAT(kept.all, SizeIs(12));
  EXPECT_EQ(counters.dumplings.unwritable, 10u);
  EXPECT_EQ(counters.dumplings.too_large, 10u);
  EXPECT_EQ(counters.dumplings.made, 12u);
}

TEST(Kitchen, AChefGetsOnlyWhatItWants) {
  FrameList frames = udp_frames(5);
  PacketBuffer<128> packet;
  frames.add(packet.ethernet().arp({.operation = 1}));
  const FrameList others = udp_frames(3, 0, 8);
  for (const Frame& frame : others.frames()) frames.add({frame.data, frame.captured});
  const auto kept = run<ArpOnlyChef, FilterChef, CountingChef>(frames, of_packets());
  EXPECT_THAT(of<ArpOnlyChef>(kept), SizeIs(1));
  EXPECT_THAT(of<FilterChef>(kept), SizeIs(5));
  EXPECT_THAT(of<CountingChef>(kept), SizeIs(9 + 2));
}

TEST(Kitchen, ChefsThatCannotBeMadeAreAnError) {
  KeptDumplings kept;
  Kitchen kitchen({}, kept);
  const auto unmade = kitchen.take_on(describe_chef<UnmakeableChef>("UnmakeableChef"));
  ASSERT_FALSE(unmade);
  EXPECT_THAT(unmade.error().message, ::testing::HasSubstr("UnmakeableChef cannot be made: no licence"));
  const auto filter = kitchen.take_on(describe_chef<BadFilterChef>("BadFilterChef"));
  ASSERT_FALSE(filter);
  EXPECT_THAT(filter.error().message, ::testing::HasSubstr("BadFilterChef"));
}

TEST(Kitchen, LiveTheFirstPokeIsAtTheStart) {
  KeptDumplings kept;
  Kitchen kitchen({.name = "live", .poke_interval = 1ms}, kept);
  ASSERT_TRUE(kitchen.take_on(describe_chef<CountingChef>("CountingChef")));
  kitchen.start();
  EXPECT_THAT(kept.all, SizeIs(1));
  const auto before = std::chrono::system_clock::now();
  std::this_thread::sleep_for(kitchen.until_next_poke());
  kitchen.pass_time();
  kitchen.flush();
  EXPECT_THAT(kept.all, SizeIs(2));
  const double created = kept.all[1].at("metadata").at("creation_time").as_double();
  EXPECT_GE(created, std::chrono::duration<double>(before.time_since_epoch()).count() - 1e-6);
  kitchen.finish();
  EXPECT_THAT(kept.all, SizeIs(2));
}

TEST(Kitchen, AFullSinkIsNoticed) {
  KeptDumplings kept;
  kept.wanted = 3;
  Kitchen kitchen(of_packets(), kept);
  ASSERT_TRUE(kitchen.take_on(describe_chef<CountingChef>("CountingChef")));
  const FrameList frames = udp_frames(10);
  kitchen.process(frames.frames());
  kitchen.flush();
  EXPECT_FALSE(kitchen.wanted());
}

Layers layers_of_built(PacketBuilder& built) { return layers_of(testing::dissect(built.finish().value())); }

TEST(Layers, AreThoseOfThePacket) {
  PacketBuffer<512> p;
  const auto v4 =
      Ip4Fields{.source = testing::address("10.0.0.1"), .destination = testing::address("10.0.0.2")};
  const auto v6 = Ip6Fields{.source = testing::address("::1"), .destination = testing::address("::2")};
  const auto any = Layers::any;
  EXPECT_EQ(layers_of_built(p.clear().ethernet().arp({.operation = 1})), any | Layers::arp);
  EXPECT_EQ(layers_of_built(p.clear().ethernet().ip4(v4).tcp({.source_port = 1, .destination_port = 2})),
            any | Layers::ip4 | Layers::tcp);
  EXPECT_EQ(layers_of_built(p.clear().ethernet().ip6(v6).udp({.source_port = 53, .destination_port = 2})),
            any | Layers::ip6 | Layers::udp | Layers::dns);
  EXPECT_EQ(
      layers_of_built(p.clear().ethernet().ip4(v4).udp({.source_port = 5353, .destination_port = 5353})),
      any | Layers::ip4 | Layers::udp | Layers::dns);
  EXPECT_EQ(layers_of_built(p.clear().ethernet().ip4(v4).tcp({.source_port = 1, .destination_port = 53})),
            any | Layers::ip4 | Layers::tcp | Layers::dns);
  EXPECT_EQ(layers_of_built(p.clear().ethernet().ip4(v4).icmp4({.type = 8})),
            any | Layers::ip4 | Layers::icmp);
  Ip4Fields later = v4;
  later.fragment_offset = 8;
  later.protocol = 17;
  EXPECT_EQ(layers_of_built(p.clear().ethernet().ip4(later).fill(16)), any | Layers::ip4);
  EXPECT_EQ(layers_of(testing::dissect({})), any);
}

}  // namespace
}  // namespace spiderling
