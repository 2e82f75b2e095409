// A chain that fails, beside one that does not.
#include "flows/chain_guard.h"

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <map>
#include <stdexcept>

#include "flows/observer.h"
#include "flows/test_observer.h"

namespace spiderling {
namespace {

using namespace std::chrono_literals;
using testing::chain_set;

// Counts in every hook; throws in tcp for the source ports that it is told.
struct Fails {
  static constexpr const char* name = "fails";
  static constexpr const char* description = "Throws in its hook tcp";
  static inline std::function<bool(std::uint16_t)> wants_to;
  struct State {
    std::uint32_t ip = 0;
    std::uint32_t tcp = 0;
  };
  static void fields(FieldList& list, const State& s) {
    list.add("fails_ip", s.ip, "calls of ip4");
    list.add("fails_tcp", s.tcp, "calls of tcp");
  }
  static void ip4(State& s, const Ipv4Header&, const FlowPacket&) { ++s.ip; }
  static void tcp(State& s, const TcpHeader& header, const FlowPacket&) {
    ++s.tcp;
    if (wants_to(header.source_port())) throw std::runtime_error("no luck");
  }
};

struct FailsAtOnce {
  static constexpr const char* name = "at_once";
  static constexpr const char* description = "Throws when a flow is new";
  struct State {
    std::uint32_t calls = 0;
  };
  static void fields(FieldList& list, const State& s) { list.add("at_once_calls", s.calls, "calls of tcp"); }
  static Verdict new_flow(State&, const FlowPacket&) { throw 7; }
  static void tcp(State& s, const TcpHeader&, const FlowPacket&) { ++s.calls; }
};

struct Counts {
  static constexpr const char* name = "counts";
  static constexpr const char* description = "Counts";
  struct State {
    std::uint32_t calls = 0;
  };
  static void fields(FieldList& list, const State& s) { list.add("counts_calls", s.calls, "calls of tcp"); }
  static void tcp(State& s, const TcpHeader&, const FlowPacket&) { ++s.calls; }
};

// Blocks until the test knows its name.
struct Waits {
  static constexpr const char* name = "waits";
  static constexpr const char* description = "Waits in its hook tcp";
  static inline std::future<std::string>* until = nullptr;
  struct State {
    std::uint32_t calls = 0;
  };
  static void fields(FieldList& list, const State& s) { list.add("waits_calls", s.calls, "calls of tcp"); }
  static void tcp(State& s, const TcpHeader&, const FlowPacket&) {
    if (++s.calls == 1) until->wait_for(60s);
  }
};

// A packet of TCP in a batch of its own.
void show(Observer& observer, std::uint16_t source_port) {
  PacketBuffer<128> buffer;
  const auto bytes =
      buffer.ip4({.source = *IpAddress::parse("10.0.0.1"), .destination = *IpAddress::parse("10.0.0.2")})
          .tcp({.source_port = source_port, .destination_port = 80})
          .finish()
          .value();
  const auto size = static_cast<std::uint32_t>(bytes.size());
  const Frame frame{bytes.data(), testing::start_ns, size, size, LinkType::raw_ip};
  observer.process({&frame, 1});
}

struct Ended {
  FailedChains failed;
  Fails::State fails;
  std::uint32_t counts = 0;
};

// An observer with Fails, then Counts; its records by the flow's source port.
class Observed : public FlowSink {
 public:
  explicit Observed(std::uint64_t max_failures) : observer_(chains_, options_with(max_failures), *this) {}

  Observed& see(std::uint16_t source_port, int packets = 1) {
    for (int i = 0; i < packets; ++i) show(observer_, source_port);
    return *this;
  }
  std::map<std::uint32_t, Ended>& finish() {
    observer_.finish();
    return ended_;
  }
  Observer& observer() { return observer_; }

  // Told apart by how many packets they have.
  void flow_ended(const FlowRecord& record) override {
    Ended ended;
    ended.failed = record.failed;
    std::memcpy(&ended.fails, record.states + chains_.chains()[0].state_offset, sizeof ended.fails);
    std::memcpy(&ended.counts, record.states + chains_.chains()[1].state_offset, sizeof ended.counts);
    ended_[ended.counts] = ended;
  }

 private:
  static ObserverOptions options_with(std::uint64_t max_failures) {
    ObserverOptions options;
    options.max_failures = {max_failures};
    return options;
  }
  const ChainSet chains_ = chain_set<Fails, Counts>();
  Observer observer_;
  std::map<std::uint32_t, Ended> ended_;
};

TEST(ChainGuard, AChainThatFailsTakesNoOtherAlongAndItsFlowSaysSo) {
  Fails::wants_to = [](std::uint16_t port) { return port == 1; };
  Observed run(0);
  auto& ended = run.see(1, 3).see(2, 4).see(1, 2).finish();
  ASSERT_EQ(ended.size(), 2u);
  const Ended& failing = ended.at(5);  // Counts, behind it in the list, has seen all of its packets
  EXPECT_TRUE(failing.failed.has(0));
  EXPECT_FALSE(failing.failed.has(1));
  EXPECT_EQ(failing.fails.ip, 5u);
  EXPECT_EQ(failing.fails.tcp, 5u);
  EXPECT_FALSE(ended.at(4).failed.any());
  EXPECT_EQ(run.observer().counters().chain_failures, 5u);
  EXPECT_EQ(run.observer().counters().failed_records, 1u);
  EXPECT_EQ(run.observer().counters().chains_set_aside, 0u);
  const auto figures = run.observer().chain_figures();
  EXPECT_EQ(figures.at(0).figures.calls, 18u);  // two hooks, nine packets
  EXPECT_EQ(figures.at(0).figures.failures, 5u);
  EXPECT_EQ(figures.at(1).figures.calls, 9u);
  EXPECT_EQ(figures.at(1).figures.failures, 0u);
}

TEST(ChainGuard, ACallThatGoesWellBeginsTheCountAnew) {
  Fails::wants_to = [](std::uint16_t port) { return port == 1; };
  Observed run(3);
  for (int i = 0; i < 20; ++i) run.see(1, 2).see(2);
  run.finish();
  EXPECT_EQ(run.observer().counters().chain_failures, 40u);
  EXPECT_EQ(run.observer().counters().chains_set_aside, 0u);
}

// Its other hooks do well meanwhile: that does not help it.
TEST(ChainGuard, AHooksFailuresAreCountedByThemselves) {
  Fails::wants_to = [](std::uint16_t) { return true; };
  Observed run(3);
  run.see(1, 10).finish();
  EXPECT_EQ(run.observer().counters().chain_failures, 3u);
  EXPECT_EQ(run.observer().counters().chains_set_aside, 1u);
  EXPECT_EQ(run.observer().chain_figures().at(0).figures.calls, 6u);
  EXPECT_EQ(run.observer().chain_figures().at(1).figures.calls, 10u);
}

TEST(ChainGuard, AfterSoManyFailuresInARowAChainIsSetAside) {
  class Sink : public FlowSink {
   public:
    void flow_ended(const FlowRecord& record) override { failed.push_back(record.failed); }
    std::vector<FailedChains> failed;
  } sink;
  Fails::wants_to = [](std::uint16_t) { return false; };
  const ChainSet chains = chain_set<FailsAtOnce, Fails, Counts>();
  ObserverOptions options;
  options.max_failures = {1};
  Observer observer(chains, options, sink);
  for (std::uint16_t port = 1; port <= 5; ++port) show(observer, port);
  observer.finish();
  EXPECT_EQ(observer.counters().chain_failures, 1u);
  EXPECT_EQ(observer.counters().chains_set_aside, 1u);
  EXPECT_EQ(observer.counters().records, 5u);
  EXPECT_EQ(observer.counters().failed_records, 5u);
  ASSERT_EQ(sink.failed.size(), 5u);
  for (const FailedChains failed : sink.failed) {
    EXPECT_TRUE(failed.has(0));
    EXPECT_FALSE(failed.has(1));
  }
  const auto figures = observer.chain_figures();
  EXPECT_TRUE(figures.at(0).set_aside);
  EXPECT_EQ(figures.at(0).figures.calls, 1u);  // its hook tcp was not called, either
  EXPECT_EQ(figures.at(1).figures.calls, 10u);
  EXPECT_EQ(figures.at(2).figures.calls, 5u);
}

TEST(ChainGuard, TimeIsMeasuredAndWhatBlocksIsNamed) {
  std::promise<std::string> named;
  auto name = named.get_future();
  Watchdog watchdog({10ms, 1ms, [&](const BlockedHandler& handler) {
                       if (!handler.ended) named.set_value(std::string(handler.name));
                     }});
  Waits::until = &name;
  const ChainSet chains = chain_set<Counts, Waits>();
  class Sink : public FlowSink {
    void flow_ended(const FlowRecord&) override {}
  } sink;
  ObserverOptions options;
  options.watchdog = &watchdog;
  Observer observer(chains, options, sink);
  show(observer, 1);
  observer.finish();
  EXPECT_EQ(name.get(), "chain waits");
  const auto figures = observer.chain_figures();
  EXPECT_EQ(figures.at(1).figures.blocked, 1u);
  EXPECT_GE(figures.at(1).figures.busy, 10ms);
  EXPECT_GE(figures.at(1).figures.longest, 10ms);
  EXPECT_LT(figures.at(0).figures.busy, figures.at(1).figures.busy);
}

TEST(FailedChains, BeyondThoseWithABitOfTheirOwnOneIsShared) {
  FailedChains failed;
  EXPECT_FALSE(failed.any());
  failed.add(3);
  EXPECT_TRUE(failed.has(3));
  EXPECT_FALSE(failed.has(4));
  EXPECT_FALSE(failed.has(40));
  failed.add(20);
  EXPECT_TRUE(failed.has(20));
  EXPECT_TRUE(failed.has(FailedChains::named));
  EXPECT_FALSE(failed.has(FailedChains::named - 1));
}

}  // namespace
}  // namespace spiderling
