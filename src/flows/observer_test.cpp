// Flows, directions, hooks, verdicts and counters. Timers, fragments and ICMP errors have files of their own.
#include "flows/observer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "flows/test_observer.h"

namespace spiderling {
namespace {

using namespace testing;
using ::testing::ElementsAre;

class ObserverTest : public ::testing::TestWithParam<IpVersion> {
 protected:
  const Hosts h = hosts(GetParam());
  Watch watch;
};
INSTANTIATE_TEST_SUITE_P(Versions, ObserverTest, ::testing::Values(IpVersion::v4, IpVersion::v6),
                         [](const auto& test) { return test.param == IpVersion::v4 ? "v4" : "v6"; });

TEST_P(ObserverTest, TheFirstPacketsDirectionIsForward) {
  watch.see(0, tcp_packet(h.server, h.client, tcp_flag::ack));
  watch.see(1, tcp_packet(h.client, h.server, tcp_flag::ack));
  watch.see(2, tcp_packet(h.client, h.server, tcp_flag::ack));
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].forward(), 1u);
  EXPECT_EQ(records[0].reverse(), 2u);
  EXPECT_EQ(records[0].trail.source, h.server.address);
  EXPECT_EQ(records[0].first_ns, start_ns);
  EXPECT_EQ(records[0].last_ns, start_ns + 2);
}

TEST_P(ObserverTest, PortsTellFlowsApartForFourProtocols) {
  Endpoint other = h.client;
  other.port = 40001;
  const auto sctp = [&](const Endpoint& from) {
    return ip_packet(from, h.server, {}, [&](PacketBuilder& packet) {
      packet.sctp({.source_port = from.port, .destination_port = h.server.port});
    });
  };
  const auto udp_lite = [&](const Endpoint& from) {
    return ip_packet(from, h.server, {}, [&](PacketBuilder& packet) {
      packet.udp_lite({.source_port = from.port, .destination_port = h.server.port});
    });
  };
  for (const Endpoint& from : {h.client, other}) {
    watch.see(0, tcp_packet(from, h.server, 0));
    watch.see(0, udp_packet(from, h.server));
    watch.see(0, sctp(from));
    watch.see(0, udp_lite(from));
  }
  EXPECT_EQ(watch.finish().size(), 8u);
}

TEST_P(ObserverTest, OtherProtocolsAreThreeTuples) {
  watch.see(0, other_packet(h.client, h.server, 47, 10));
  watch.see(0, other_packet(h.server, h.client, 47, 20));
  watch.see(0, other_packet(h.client, h.server, 50, 10));
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 2u);
  for (const Seen& record : records) EXPECT_EQ(record.trail.source_port, 0);
}

TEST_P(ObserverTest, EchoIsAThreeTupleOfItsOwn) {
  const std::uint8_t request = GetParam() == IpVersion::v4 ? 8 : 128;
  const std::uint8_t reply = GetParam() == IpVersion::v4 ? 0 : 129;
  watch.see(0, icmp_packet(h.client, h.server, request));
  watch.see(1, icmp_packet(h.server, h.client, reply));
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].trail.calls[Trail::icmp_hook].fwd, 1u);
  EXPECT_EQ(records[0].trail.calls[Trail::icmp_hook].rev, 1u);
  EXPECT_EQ(records[0].calls(Trail::icmp_quotation), 0u);
}

TEST_P(ObserverTest, BothVersionsOfICMPAreThemselvesOnlyInTheirOwnIP) {
  const std::uint8_t wrong = GetParam() == IpVersion::v4 ? 58 : 1;
  watch.see(0, other_packet(h.client, h.server, wrong, 20));
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].calls(Trail::l4_hook), 1u);
  EXPECT_EQ(records[0].calls(Trail::icmp_hook), 0u);
}

TEST_P(ObserverTest, AHostTalkingToItselfIsOneFlow) {
  Endpoint other = h.client;
  other.port = 9;
  watch.see(0, udp_packet(h.client, other));
  watch.see(1, udp_packet(other, h.client));
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].forward(), 1u);
  EXPECT_EQ(records[0].reverse(), 1u);
}

TEST_P(ObserverTest, NewFlowIsCalledOnce) {
  for (int i = 0; i < 5; ++i) watch.see(i, udp_packet(h.client, h.server));
  EXPECT_EQ(watch.finish().at(0).trail.new_flows, 1u);
}

TEST_P(ObserverTest, PaddingIsNotPartOfTheDatagram) {
  PacketBuffer<200> frame;
  if (GetParam() == IpVersion::v4) {
    frame.ethernet().ip4({.source = h.client.address, .destination = h.server.address});
  } else {
    frame.ethernet().ip6({.source = h.client.address, .destination = h.server.address});
  }
  frame.udp({.source_port = 1, .destination_port = 2}).fill(Trail::last).pad_to(190);
  const auto bytes = *frame.finish();
  watch.see(0, PacketBytes(bytes.begin(), bytes.end()), LinkType::ethernet);
  watch.clock(6 * second);
  ASSERT_EQ(watch.records().size(), 1u) << "the payload length must be that of the IP header";
  EXPECT_EQ(watch.records()[0].trail.octets.fwd,
            Trail::last + 8u + (GetParam() == IpVersion::v4 ? 20u : 40u));
}

// ---- hooks

std::vector<std::string> log_of_hooks;

// Logs its hooks under a name; `end` is what each says.
template <char Name, Verdict End>
struct Logger {
  static constexpr char name[] = {'l', 'o', 'g', Name, 0};
  static constexpr const char* description = "Logs";
  struct State {
    std::uint32_t calls = 0;
  };
  static void fields(FieldList&, const State&) {}
  static Verdict log(State& s, const char* hook) {
    log_of_hooks.push_back(std::string(1, Name) + "." + hook);
    ++s.calls;
    return End;
  }
  static Verdict ip4(State& s, const Ipv4Header&, const FlowPacket&) { return log(s, "ip4"); }
  static Verdict ip6(State& s, const Ipv6Header&, const FlowPacket&) { return log(s, "ip6"); }
  static Verdict icmp4(State& s, const IcmpMessage& m, const FlowPacket&) {
    return log(s, m.quotation ? "icmp4q" : "icmp4");
  }
  static Verdict icmp6(State& s, const IcmpMessage& m, const FlowPacket&) {
    return log(s, m.quotation ? "icmp6q" : "icmp6");
  }
  static Verdict tcp(State& s, const TcpHeader&, const FlowPacket&) { return log(s, "tcp"); }
  static Verdict udp(State& s, const UdpHeader&, const FlowPacket&) { return log(s, "udp"); }
  static Verdict l4(State& s, const Transport&, const FlowPacket&) { return log(s, "l4"); }
};
using Ends = Logger<'a', Verdict::complete>;
using Stays = Logger<'b', Verdict::go_on>;

std::vector<std::string> hooks_of(const PacketBytes& packet) {
  const ChainSet chains = chain_set<Trail, Ends, Stays>();
  Collector sink;
  Observer observer(chains, {}, sink);
  log_of_hooks.clear();
  const auto size = static_cast<std::uint32_t>(packet.size());
  const Frame frame{packet.data(), start_ns, size, size, LinkType::raw_ip};
  observer.process({&frame, 1});
  observer.finish();
  EXPECT_EQ(sink.records.size(), 1u);
  return log_of_hooks;
}

TEST(ObserverHooks, AreCalledInOrderAndEveryChainSeesEveryPacket) {
  const Hosts four = hosts(IpVersion::v4), six = hosts(IpVersion::v6);
  EXPECT_THAT(hooks_of(tcp_packet(four.client, four.server, 0)),
              ElementsAre("a.ip4", "b.ip4", "a.tcp", "b.tcp"));
  EXPECT_THAT(hooks_of(udp_packet(six.client, six.server)), ElementsAre("a.ip6", "b.ip6", "a.udp", "b.udp"));
  EXPECT_THAT(hooks_of(other_packet(four.client, four.server, 50)),
              ElementsAre("a.ip4", "b.ip4", "a.l4", "b.l4"));
  EXPECT_THAT(hooks_of(icmp_packet(six.client, six.server, 128)),
              ElementsAre("a.ip6", "b.ip6", "a.icmp6", "b.icmp6"));
  EXPECT_THAT(hooks_of(icmp_packet(four.client, four.server, 8)),
              ElementsAre("a.ip4", "b.ip4", "a.icmp4", "b.icmp4"));
  EXPECT_THAT(hooks_of(unreachable(four.router, four.client, udp_packet(four.client, four.server))),
              ElementsAre("a.ip4", "b.ip4", "a.icmp4q", "b.icmp4q"));
  EXPECT_THAT(hooks_of(unreachable(six.router, six.client, udp_packet(six.client, six.server))),
              ElementsAre("a.ip6", "b.ip6", "a.icmp6q", "b.icmp6q"));
}

TEST_P(ObserverTest, ACompletedFlowStillShowsItsPacketsToEveryChain) {
  watch.see(0, udp_packet(h.client, h.server, Trail::last));
  watch.see(second, udp_packet(h.server, h.client, Trail::last));
  watch.see(2 * second, udp_packet(h.client, h.server, 1));
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].calls(Trail::udp_hook), 3u);
}

// ---- vetoes

TEST_P(ObserverTest, AVetoedFlowHasNoRecordAndNoHooks) {
  watch.see(0, udp_packet(h.client, h.server, Trail::vetoed));
  watch.see(1, udp_packet(h.server, h.client, 20));
  EXPECT_EQ(watch.observer().live_flows(), 1u);
  EXPECT_TRUE(watch.finish().empty());
  EXPECT_EQ(watch.counters().ignored, 1u);
  EXPECT_EQ(watch.counters().ignored_packets, 2u);
  EXPECT_EQ(watch.counters().packets, 2u);
  EXPECT_EQ(watch.counters().flows, 0u);
  EXPECT_EQ(watch.counters().records, 0u);
}

TEST_P(ObserverTest, AVetoExpiresAndIsAskedForAgain) {
  watch.see(0, udp_packet(h.client, h.server, Trail::vetoed));
  watch.see(29 * second, udp_packet(h.client, h.server, 20));  // keeps it alive
  watch.clock(63 * second);
  EXPECT_EQ(watch.observer().live_flows(), 1u);
  watch.clock(65 * second);
  EXPECT_EQ(watch.observer().live_flows(), 0u);
  watch.see(70 * second, udp_packet(h.client, h.server, 20));
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].first_ns, start_ns + 70 * second);
  EXPECT_EQ(watch.counters().ignored, 1u);
  EXPECT_EQ(watch.counters().ignored_packets, 2u);
}

// All in one batch: the timers come after it, so the block of the flow before is used for the one behind.
TEST_P(ObserverTest, AVetoIsAskedForAgainWhereABlockIsUsedAgain) {
  const auto run = [&](std::uint32_t first, std::uint32_t then) {
    Watch batch;
    Trace trace;
    trace.at(0, udp_packet(h.client, h.server, first));
    trace.at(40 * second, udp_packet(h.client, h.server, then));
    trace.at(41 * second, udp_packet(h.client, h.server, 20));
    batch.observer().process(trace.frames());
    batch.finish();
    return std::tuple(batch.records(), batch.counters());
  };
  const auto [veto_second, counters_second] = run(20, Trail::vetoed);
  ASSERT_EQ(veto_second.size(), 1u);
  EXPECT_EQ(veto_second[0].last_ns, start_ns);
  EXPECT_EQ(counters_second.ignored_packets, 2u);
  EXPECT_EQ(counters_second.ignored, 1u);
  EXPECT_EQ(counters_second.flows, 1u);

  const auto [veto_first, counters_first] = run(Trail::vetoed, 20);
  ASSERT_EQ(veto_first.size(), 1u);
  EXPECT_EQ(veto_first[0].first_ns, start_ns + 40 * second);
  EXPECT_EQ(veto_first[0].trail.new_flows, 1u);
  EXPECT_EQ(veto_first[0].forward(), 2u);
  EXPECT_EQ(counters_first.ignored_packets, 1u);

  const auto [veto_both, counters_both] = run(Trail::vetoed, Trail::vetoed);
  EXPECT_TRUE(veto_both.empty());
  EXPECT_EQ(counters_both.ignored, 2u);
}

struct EndsAtOnce {
  static constexpr const char* name = "ends_at_once";
  static constexpr const char* description = "Is done with a flow when it has seen that there is one";
  struct State {};
  static void fields(FieldList&, const State&) {}
  static Verdict new_flow(State&, const FlowPacket&) { return Verdict::complete; }
};

TEST_P(ObserverTest, NewFlowMaySayComplete) {
  const ChainSet chains = chain_set<Trail, EndsAtOnce>();
  Collector sink;
  Observer observer(chains, {}, sink);
  Trace trace;
  trace.at(0, udp_packet(h.client, h.server)).at(6 * second, udp_packet(h.client, h.server));
  observer.process(trace.frames());
  observer.finish();
  EXPECT_EQ(sink.records.size(), 2u);
}

// ---- counters

TEST(ObserverCounters, EveryFrameIsCountedOnce) {
  const Hosts h = hosts(IpVersion::v4);
  Watch watch;
  PacketBuffer<100> arp;
  arp.ethernet().arp({.sender_address = h.client.address, .target_address = h.server.address});
  const auto arp_bytes = *arp.finish();
  watch.see(0, PacketBytes(arp_bytes.begin(), arp_bytes.end()), LinkType::ethernet);
  EXPECT_EQ(watch.counters().non_ip, 1u);
  EXPECT_EQ(watch.counters().short_packets, 0u);

  const auto whole = tcp_packet(h.client, h.server, 0);
  for (const std::uint32_t captured : {22u, 10u}) {  // no ports; no IP header
    const Frame cut{whole.data(), start_ns, captured, static_cast<std::uint32_t>(whole.size()),
                    LinkType::raw_ip};
    watch.observer().process({&cut, 1});
  }
  watch.see(1, PacketBytes(5, 0), LinkType::ethernet);
  watch.see(1, {}, LinkType::ethernet);
  EXPECT_EQ(watch.counters().short_packets, 4u);
  EXPECT_EQ(watch.counters().malformed, 0u) << "cut is not malformed";

  auto wrong = tcp_packet(h.client, h.server, 0);
  wrong[0] = 0x43;  // a header of twelve bytes
  watch.see(2, wrong);
  EXPECT_EQ(watch.counters().malformed, 1u);
  EXPECT_EQ(watch.counters().short_packets, 5u);

  watch.see(3, tcp_packet(h.client, h.server, 0));
  EXPECT_EQ(watch.counters().packets, 7u);
  EXPECT_EQ(watch.finish().size(), 1u);
  EXPECT_EQ(watch.counters().flows, 1u);
  EXPECT_EQ(watch.counters().records, 1u);
}

TEST(ObserverCounters, AddUp) {
  ObserverCounters a;
  a.packets = 1, a.short_packets = 2, a.non_ip = 3, a.malformed = 4, a.flows = 5, a.records = 6,
  a.ignored = 7;
  a.ignored_packets = 8, a.orphan_fragments = 9, a.early = 10;
  ObserverCounters sum = a;
  sum += a;
  EXPECT_EQ(sum.packets, 2u);
  EXPECT_EQ(sum.short_packets, 4u);
  EXPECT_EQ(sum.non_ip, 6u);
  EXPECT_EQ(sum.malformed, 8u);
  EXPECT_EQ(sum.flows, 10u);
  EXPECT_EQ(sum.records, 12u);
  EXPECT_EQ(sum.ignored, 14u);
  EXPECT_EQ(sum.ignored_packets, 16u);
  EXPECT_EQ(sum.orphan_fragments, 18u);
  EXPECT_EQ(sum.early, 20u);
}

TEST_P(ObserverTest, MalformedPacketsAreCountedAndStayInTheirFlow) {
  auto zero_length_option =
      tcp_packet(h.client, h.server, tcp_flag::syn, {.options = tcp_option::any(8, 0, {})});
  auto short_offset = tcp_packet(h.client, h.server, tcp_flag::ack);
  const std::size_t tcp_at = GetParam() == IpVersion::v4 ? 20 : 40;
  short_offset[tcp_at + 12] = 0x10;
  watch.see(0, zero_length_option);
  watch.see(1, short_offset);
  watch.see(2, tcp_packet(h.client, h.server, tcp_flag::ack));
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].forward(), 3u);
  EXPECT_EQ(watch.counters().malformed, 2u);
  EXPECT_EQ(watch.counters().short_packets, 0u);
}

TEST_P(ObserverTest, HeadersCutByTheSnapLengthAreInTheirFlow) {
  const auto whole = tcp_packet(h.client, h.server, 0, {.payload = "0123456789"});
  const auto wire = static_cast<std::uint32_t>(whole.size());
  const std::uint32_t ip = GetParam() == IpVersion::v4 ? 20 : 40;
  for (const std::uint32_t captured : {ip + 4, ip + 12, ip + 20, ip + 25, wire}) {
    const Frame frame{whole.data(), start_ns, captured, wire, LinkType::raw_ip};
    watch.observer().process({&frame, 1});
  }
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].trail.octets.fwd, 5u * wire);
  EXPECT_EQ(records[0].calls(Trail::tcp_hook), 3u) << "those with a whole fixed header";
}

TEST_P(ObserverTest, AggregatedAllPacketsAreOneFlowWithoutAReverse) {
  Watch all(ObserverOptions{.aggregate = true});
  const auto syn = tcp_packet(h.client, h.server, tcp_flag::syn);
  all.see(0, syn);
  all.see(1, tcp_packet(h.server, h.client, tcp_flag::syn | tcp_flag::ack));
  all.see(2, unreachable(h.router, h.client, syn));
  all.see(3, udp_packet(h.router, h.server));
  const auto& records = all.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].forward(), 4u);
  EXPECT_EQ(records[0].reverse(), 0u);
  EXPECT_EQ(records[0].trail.new_flows, 1u);
  EXPECT_EQ(records[0].trail.calls[Trail::icmp_quotation].fwd, 1u);
}

TEST_P(ObserverTest, WhatComesAfterAnEndIsInNewFlows) {
  const auto packet = tcp_packet(h.client, h.server, tcp_flag::ack);
  watch.see(0, packet);
  watch.see(1, udp_packet(h.client, h.server, Trail::vetoed));
  EXPECT_EQ(watch.finish().size(), 1u);
  EXPECT_EQ(watch.observer().live_flows(), 0u) << "nor is it remembered what was ignored";
  watch.see(2, tcp_packet(h.server, h.client, tcp_flag::ack));
  watch.see(3, packet);
  watch.clock(std::int64_t{40} * 1'000'000'000);
  ASSERT_EQ(watch.records().size(), 2u) << "timers go on";
  EXPECT_EQ(watch.records()[1].forward(), 1u);
  EXPECT_EQ(watch.records()[1].reverse(), 1u);
  EXPECT_EQ(watch.records()[1].first_ns, start_ns + 2);
}

}  // namespace
}  // namespace spiderling
