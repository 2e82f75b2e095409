// When flows end: completion, idle and expiry timeouts, clocks, and max_flows.
#include <gtest/gtest.h>

#include <random>

#include "flows/test_observer.h"

namespace spiderling {
namespace {

using namespace testing;

const Hosts h = hosts(IpVersion::v4);
const PacketBytes usual = udp_packet(h.client, h.server, 20);
const PacketBytes last = udp_packet(h.client, h.server, Trail::last);
constexpr std::int64_t year = 31'557'600 * second;

// A timer is noticed a little late: slots of 67 ms.
constexpr std::int64_t slack = 150 * millisecond;

Endpoint client(std::uint16_t port) { return {h.client.address, port}; }

TEST(ObserverTime, ACompletedFlowIsEmittedOnceAfterTheExpiryTimeout) {
  Watch watch;
  watch.see(0, last);
  watch.see(4 * second, usual);
  watch.clock(5 * second - 1);
  EXPECT_TRUE(watch.records().empty());
  watch.clock(5 * second + slack);
  ASSERT_EQ(watch.records().size(), 1u);
  EXPECT_EQ(watch.records()[0].forward(), 2u);
  EXPECT_EQ(watch.records()[0].last_ns, start_ns + 4 * second);
  EXPECT_EQ(watch.observer().live_flows(), 0u);
  watch.clock(100 * second);
  EXPECT_EQ(watch.finish().size(), 1u);
}

TEST(ObserverTime, AFlowThatCompletesLateIsEmittedFiveSecondsLater) {
  Watch watch;
  for (std::int64_t t = 0; t < 100; t += 10) watch.see(t * second, usual);
  watch.see(100 * second, last);
  watch.clock(105 * second - 1);
  EXPECT_TRUE(watch.records().empty());
  watch.clock(105 * second + slack);
  EXPECT_EQ(watch.records().size(), 1u);
}

TEST(ObserverTime, TheFirstVerdictStartsTheExpiryTimeout) {
  Watch watch;
  watch.see(0, last);
  watch.see(3 * second, last);
  watch.see(5 * second, usual);  // too late: the next flow
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].forward(), 2u);
  EXPECT_EQ(records[1].first_ns, start_ns + 5 * second);
}

TEST(ObserverTime, PacketsUpToTheEndOfTheExpiryTimeoutBelongToTheFlow) {
  Watch watch;
  watch.see(0, last);
  watch.see(5 * second - 1, usual);
  watch.see(5 * second, usual);
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].last_ns, start_ns + 5 * second - 1);
}

TEST(ObserverTime, TheNextFlowOfAKeyHasItsOwnDirection) {
  Watch watch;
  watch.see(0, last);
  watch.see(6 * second, udp_packet(h.server, h.client));
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].forward(), 1u);
  EXPECT_EQ(records[1].trail.source, h.server.address);
}

TEST(ObserverTime, AnIdleFlowIsEmittedAfterBothTimeouts) {
  Watch watch;
  watch.see(0, usual);
  watch.see(20 * second, usual);
  watch.clock(55 * second - 1);
  EXPECT_TRUE(watch.records().empty());
  watch.clock(55 * second + slack);
  ASSERT_EQ(watch.records().size(), 1u);
  EXPECT_EQ(watch.records()[0].last_ns, start_ns + 20 * second);
}

TEST(ObserverTime, APacketBetweenTheTimeoutsBelongsToTheFlowButDoesNotRestartThem) {
  Watch watch;
  watch.see(0, usual);
  watch.see(32 * second, usual);
  watch.see(34 * second, usual);
  watch.see(36 * second, usual);
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].forward(), 3u);
  EXPECT_EQ(records[0].last_ns, start_ns + 34 * second);
  EXPECT_EQ(records[1].forward(), 1u);
}

TEST(ObserverTime, APacketJustBeforeTheIdleTimeoutRestartsIt) {
  Watch watch;
  watch.see(0, usual);
  watch.see(30 * second - 1, usual);
  watch.see(60 * second - 2, usual);
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].forward(), 3u);
}

// Whether a record is cut by a packet or by the clock must make no difference.
TEST(ObserverTime, BatchesAndTicksChangeNoRecord) {
  const std::vector<std::int64_t> times{0, 10, 34, 65, 101, 102, 137, 172, 1000};
  Trace trace;
  for (const std::int64_t t : times) trace.at(t * second, usual);
  Watch at_once, one_by_one, with_ticks;
  at_once.observer().process(trace.frames());
  for (const Frame& frame : trace.frames()) one_by_one.observer().process({&frame, 1});
  std::size_t next = 0;
  for (std::int64_t t = 0; t <= 1000; ++t) {
    with_ticks.clock(t * second);
    if (next < times.size() && times[next] == t) with_ticks.see(times[next++] * second, usual);
  }
  const auto expected = at_once.finish();
  EXPECT_GT(expected.size(), 3u);
  EXPECT_EQ(one_by_one.finish(), expected);
  EXPECT_EQ(with_ticks.finish(), expected);
}

TEST(ObserverTime, TimeoutsCanBeSet) {
  Watch watch({.idle_timeout = std::chrono::seconds(300), .expiry_timeout = std::chrono::seconds(100)});
  watch.see(0, usual);
  watch.clock(400 * second - 1);
  EXPECT_TRUE(watch.records().empty());
  watch.clock(400 * second + slack);
  EXPECT_EQ(watch.records().size(), 1u);
}

TEST(ObserverTime, TimeoutsMayBeZero) {
  Watch watch({.idle_timeout = std::chrono::seconds(0), .expiry_timeout = std::chrono::seconds(0)});
  watch.see(0, usual);
  watch.see(0, usual);
  watch.see(1, usual);
  EXPECT_EQ(watch.finish().size(), 3u);
}

TEST(ObserverTime, TimeoutsMayBeForEver) {
  Watch watch(
      {.idle_timeout = std::chrono::nanoseconds::max(), .expiry_timeout = std::chrono::nanoseconds::max()});
  watch.see(0, last);
  watch.see(10 * year, usual);
  watch.clock(20 * year);
  EXPECT_TRUE(watch.records().empty());
  EXPECT_EQ(watch.finish().size(), 1u);
}

TEST(ObserverTime, AtTheEndEverythingLeftIsEmitted) {
  Watch watch;
  for (std::uint16_t port = 1; port <= 1000; ++port) watch.see(port, udp_packet(client(port), h.server));
  EXPECT_TRUE(watch.records().empty());
  EXPECT_EQ(watch.finish().size(), 1000u);
  EXPECT_EQ(watch.observer().live_flows(), 0u);
  EXPECT_EQ(watch.finish().size(), 1000u) << "once";
}

TEST(ObserverTime, AYearsGapEndsWhatWasThere) {
  Watch watch;
  for (std::uint16_t port = 1; port <= 1000; ++port) watch.see(port, udp_packet(client(port), h.server));
  watch.see(year, usual);
  EXPECT_EQ(watch.records().size(), 1000u);
  for (int i = 2; i < 90; ++i) watch.see(i * year, usual);  // at a step a tick this would be hours
  EXPECT_EQ(watch.finish().size(), 1089u);
}

TEST(ObserverTime, AnIdleLinkStillExpiresFlowsByTheWallClock) {
  Watch watch;
  watch.see(0, usual);
  for (std::int64_t t = 1; t <= 36; ++t) watch.clock(t * second);
  EXPECT_EQ(watch.records().size(), 1u);
}

TEST(ObserverTime, PacketsOutOfOrderStayInTheirFlow) {
  Watch watch;
  watch.see(2 * second, usual);
  watch.see(0, usual);
  watch.see(second, usual);
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].forward(), 3u);
  EXPECT_EQ(records[0].first_ns, start_ns);
  EXPECT_EQ(records[0].last_ns, start_ns + 2 * second);
}

TEST(ObserverTime, TimersRunAgainAfterTheClockWasSetBack) {
  Watch watch;
  watch.see(0, usual);
  for (int i = 0; i < 50; ++i) watch.see(-year + i, udp_packet(client(7), h.server));
  for (std::int64_t t = 0; t < 40; ++t) watch.see(-year + t * second, udp_packet(client(8), h.server));
  ASSERT_EQ(watch.records().size(), 1u);
  EXPECT_EQ(watch.records()[0].trail.source_port, 7);
  EXPECT_EQ(watch.finish().size(), 3u);
}

TEST(ObserverTime, APacketFromTheFutureDoesNotStopTheClock) {
  Watch watch;
  watch.see(0, usual);
  watch.see(50 * year, udp_packet(client(9), h.server));
  for (std::int64_t t = 0; t < 60; ++t) watch.see(t * second, udp_packet(client(10), h.server));
  watch.see(61 * second, udp_packet(client(11), h.server));
  watch.see(97 * second, udp_packet(client(12), h.server));
  bool seen = false;
  for (const Seen& record : watch.records()) seen |= record.trail.source_port == 11;
  EXPECT_TRUE(seen) << "client 11 was idle for 36 s";
  EXPECT_EQ(watch.finish().size(), 5u);
}

TEST(ObserverTime, HostileTimesAreSurvivedAndLoseNothing) {
  const std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                     most = std::numeric_limits<std::int64_t>::max();
  const std::vector<std::int64_t> times{0,         -1,       least,    most,     1,
                                        least + 1, most - 1, most / 2, start_ns, -start_ns};
  for (const std::int64_t first : times) {
    Watch watch;
    std::uint64_t packets = 0;
    for (const std::int64_t then : times) {
      for (const std::int64_t time : {first, then}) {
        const Frame frame{last.data(), time, static_cast<std::uint32_t>(last.size()),
                          static_cast<std::uint32_t>(last.size()), LinkType::raw_ip};
        watch.observer().process({&frame, 1});
        watch.observer().advance(Timestamp(std::chrono::nanoseconds(then)));
        ++packets;
      }
    }
    std::uint64_t in_records = 0;
    for (const Seen& record : watch.finish()) in_records += record.forward();
    EXPECT_EQ(in_records, packets);
    EXPECT_EQ(watch.counters().records, watch.counters().flows);
  }
}

TEST(ObserverTime, MaxFlowsEndsTheOnesThatAreDueNextEarly) {
  Watch watch({.max_flows = 10});
  for (std::uint16_t port = 1; port <= 50; ++port) {
    watch.see(port * second / 2, udp_packet(client(port), h.server));
    EXPECT_LE(watch.observer().live_flows(), 10u);
  }
  EXPECT_EQ(watch.counters().early, 40u);
  ASSERT_EQ(watch.records().size(), 40u);
  for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(watch.records()[i].trail.source_port, i + 1);
  EXPECT_EQ(watch.finish().size(), 50u);
}

TEST(ObserverTime, MaxFlowsBoundsIgnoredFlowsToo) {
  Watch watch({.max_flows = 10});
  for (std::uint16_t port = 1; port <= 50; ++port)
    watch.see(port, udp_packet(client(port), h.server, Trail::vetoed));
  EXPECT_EQ(watch.observer().live_flows(), 10u);
  EXPECT_EQ(watch.counters().ignored, 50u);
  EXPECT_TRUE(watch.finish().empty());
  EXPECT_EQ(watch.counters().early, 0u) << "no record was emitted early";
}

// Each is due sooner than it was when it began; what the timers then hold twice must not count twice.
TEST(ObserverTime, MaxFlowsKeepsUpWithFlowsThatComplete) {
  for (const std::size_t max_flows : {std::size_t{1}, std::size_t{2}, std::size_t{10}, std::size_t{1000}}) {
    Watch watch({.max_flows = max_flows});
    std::mt19937 random(8);
    std::uint64_t packets = 0;
    for (int i = 0; i < 5000; ++i, ++packets) {
      const auto port = static_cast<std::uint16_t>(random() % 50);
      const std::uint32_t payload = random() % 2 == 0 ? Trail::last : 20;
      watch.see(i / 100 * second, udp_packet(client(port), h.server, payload));
      ASSERT_LE(watch.observer().live_flows(), max_flows);
    }
    std::uint64_t in_records = 0;
    for (const Seen& record : watch.finish()) in_records += record.forward();
    EXPECT_EQ(in_records, packets);
    EXPECT_EQ(watch.counters().records, watch.counters().flows);
  }
}

TEST(ObserverTime, CompletedFlowsLeaveTheTableInTime) {
  Watch watch;
  for (int i = 0; i < 20'000; ++i) {
    watch.see(i * millisecond, udp_packet(client(static_cast<std::uint16_t>(i)), h.server, Trail::last));
  }
  EXPECT_LE(watch.observer().live_flows(), 5150u) << "those of the last five seconds";
}

TEST(ObserverTime, MaxFlowsOfZeroIsOne) {
  Watch watch({.max_flows = 0});
  watch.see(0, udp_packet(client(1), h.server));
  watch.see(0, udp_packet(client(2), h.server));
  EXPECT_EQ(watch.finish().size(), 2u);
}

}  // namespace
}  // namespace spiderling
