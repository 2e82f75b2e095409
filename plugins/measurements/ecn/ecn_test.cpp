// Packets of two connections in, through the real chains, conditions out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <optional>

#include "flows/test_packets.h"
#include "plugins/registry.h"
#include "spiders/combiner.h"

namespace spiderling {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

constexpr std::uint8_t ecn_syn = tcp_flag::syn | tcp_flag::ece | tcp_flag::cwr;
constexpr std::uint8_t syn_ack = tcp_flag::syn | tcp_flag::ack;
constexpr std::uint8_t granting = syn_ack | tcp_flag::ece;
constexpr std::uint8_t reflecting = granting | tcp_flag::cwr;

using Names = std::vector<std::string>;
using Packets = std::vector<PacketBytes>;

/// A connection as the worker and the observer tell of it.
struct Told {
  ConnectionState state = ConnectionState::ok;
  Packets packets{};  // none: not observed
  bool lossy = false;
};

class EcnTest : public ::testing::TestWithParam<IpVersion> {
 protected:
  static const MeasurementDescription& description() {
    for (const MeasurementDescription* one : Registry::built_in().measurements()) {
      if (std::string_view(one->name) == "ecn") return *one;
    }
    throw std::runtime_error("no measurement is named ecn");
  }
  static ChainSet chains_of_measurement() {
    const std::vector<std::string> names(description().chains.begin(), description().chains.end());
    return *ChainSet::make(*Registry::built_in().chains(names));
  }
  void SetUp() override {
    const auto bound = bind_flow_fields(*measurement_, chains_);
    ASSERT_TRUE(bound.has_value()) << bound.error().message;
  }

  void allow_fallback() {
    OptionList list;
    measurement_->options(list);
    ASSERT_EQ(list.options().size(), 1u);
    *std::get<bool*>(list.options()[0].target) = true;
  }

  PacketBytes sent(std::uint8_t flags) const { return tcp_packet(hosts_.client, hosts_.server, flags); }
  PacketBytes received(std::uint8_t flags, Ecn mark = Ecn::not_ect) const {
    return tcp_packet(hosts_.server, hosts_.client, flags, {.ip = {.ecn = mark}});
  }
  Packets handshake(std::uint8_t syn, std::uint8_t answer) const {
    return {sent(syn), received(answer), sent(tcp_flag::ack)};
  }
  Told plain() const { return {.packets = handshake(tcp_flag::syn, syn_ack)}; }

  JobConnection connection(const Told& told) const {
    JobConnection one;
    one.attempted = true;
    one.record.state = told.state;
    one.flow.lossy = told.lossy;
    one.flow.states = states_of(told.packets);
    return one;
  }
  Names conditions(const Told& a, const Told& b) const {
    MergedJob job;
    job.connections.push_back(connection(a));
    job.connections.push_back(connection(b));
    Names names;
    for (const Condition& one : combine(*measurement_, job)) names.push_back(one.to_string());
    return names;
  }

  const Hosts hosts_ = hosts(GetParam());
  const ChainSet chains_ = chains_of_measurement();
  const std::unique_ptr<Measurement> measurement_ = description().create();

 private:
  std::unique_ptr<std::uint8_t[]> states_of(const Packets& packets) const {
    if (packets.empty()) return nullptr;
    struct Sink : FlowSink {
      explicit Sink(std::size_t state_size) : size(state_size) {}
      void flow_ended(const FlowRecord& record) override {
        EXPECT_EQ(states, nullptr) << "one flow expected";
        states = std::make_unique<std::uint8_t[]>(size);
        std::memcpy(states.get(), record.states, size);
      }
      const std::size_t size;
      std::unique_ptr<std::uint8_t[]> states;
    } sink(chains_.blank_states().size());
    Observer observer(chains_, {}, sink);
    Trace trace;
    for (const PacketBytes& packet : packets) {
      trace.at(static_cast<std::int64_t>(trace.size()) * millisecond, packet);
    }
    observer.process(trace.frames());
    observer.finish();
    return std::move(sink.states);
  }
};

INSTANTIATE_TEST_SUITE_P(BothVersions, EcnTest, ::testing::Values(IpVersion::v4, IpVersion::v6),
                         [](const auto& version) { return version.param == IpVersion::v4 ? "v4" : "v6"; });

// Connectivity, negotiation, then the marks that were seen.
Names works(const char* negotiation, bool ect0 = false, bool ect1 = false, bool ce = false) {
  const auto mark = [](const char* name, bool seen) {
    return std::string("ecn.ipmark.") + name + (seen ? ".seen" : ".not_seen");
  };
  return {"ecn.connectivity.works", std::string("ecn.negotiation.") + negotiation, mark("ect0", ect0),
          mark("ect1", ect1), mark("ce", ce)};
}

TEST_P(EcnTest, IsWhatItsDescriptionSays) {
  EXPECT_STREQ(description().version, "1.0.0");
  EXPECT_FALSE(description().has_own_connect);
  const auto runs = measurement_->runs();
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].socket.ecn, EcnRequest::off);
  EXPECT_EQ(runs[1].socket.ecn, EcnRequest::on);
  allow_fallback();
  EXPECT_EQ(measurement_->runs()[1].socket.ecn, EcnRequest::on_with_fallback);
}

TEST_P(EcnTest, WhereBothConnectItWorksAndTheNegotiationIsTold) {
  const struct {
    std::uint8_t answer;
    const char* negotiation;
  } cases[] = {
      {granting, "succeeded"},
      {reflecting, "reflected"},
      {syn_ack, "failed"},
      {static_cast<std::uint8_t>(syn_ack | tcp_flag::cwr), "failed"},
  };
  for (const auto& one : cases) {
    EXPECT_THAT(conditions(plain(), {.packets = handshake(ecn_syn, one.answer)}),
                ElementsAreArray(works(one.negotiation)));
  }
}

TEST_P(EcnTest, OtherFlagsOfTheSynAckDoNotMatter) {
  const auto answer = static_cast<std::uint8_t>(granting | tcp_flag::psh | tcp_flag::urg);
  EXPECT_THAT(conditions(plain(), {.packets = handshake(ecn_syn, answer)}),
              ElementsAreArray(works("succeeded")));
}

TEST_P(EcnTest, MarksFromTheTargetAreToldOnSynAckAndOnData) {
  for (const std::uint8_t flags : {granting, std::uint8_t{tcp_flag::ack}}) {
    const auto with = [&](Ecn mark) {
      Told b{.packets = handshake(ecn_syn, granting)};
      if (flags == granting) b.packets[1] = received(flags, mark);
      if (flags != granting) b.packets.push_back(received(flags, mark));
      return conditions(plain(), b);
    };
    EXPECT_THAT(with(Ecn::ect0), ElementsAreArray(works("succeeded", true)));
    EXPECT_THAT(with(Ecn::ect1), ElementsAreArray(works("succeeded", false, true)));
    EXPECT_THAT(with(Ecn::ce), ElementsAreArray(works("succeeded", false, false, true)));
  }
}

TEST_P(EcnTest, OurOwnMarksAndThoseInTheBaselineAreNot) {
  Told a = plain();
  a.packets.push_back(received(tcp_flag::ack, Ecn::ce));
  Told b{.packets = handshake(ecn_syn, granting)};
  b.packets.push_back(tcp_packet(hosts_.client, hosts_.server, tcp_flag::ack, {.ip = {.ecn = Ecn::ect0}}));
  EXPECT_THAT(conditions(a, b), ElementsAreArray(works("succeeded")));
}

TEST_P(EcnTest, Broken) {
  const Packets silence{sent(ecn_syn), sent(ecn_syn), sent(ecn_syn)};
  EXPECT_THAT(conditions(plain(), {.state = ConnectionState::timeout, .packets = silence}),
              ElementsAre("ecn.connectivity.broken"));
  const Packets reset{sent(ecn_syn), received(tcp_flag::rst | tcp_flag::ack)};
  EXPECT_THAT(conditions(plain(), {.state = ConnectionState::failed, .packets = reset}),
              ElementsAre("ecn.connectivity.broken"));
}

TEST_P(EcnTest, TransientTellsNegotiationToo) {
  const Told a{.state = ConnectionState::timeout, .packets = {sent(tcp_flag::syn)}};
  Names expected = works("succeeded");
  expected[0] = "ecn.connectivity.transient";
  EXPECT_THAT(conditions(a, {.packets = handshake(ecn_syn, granting)}), ElementsAreArray(expected));
}

TEST_P(EcnTest, Offline) {
  const Told a{.state = ConnectionState::timeout, .packets = {sent(tcp_flag::syn)}};
  const Told b{.state = ConnectionState::failed, .packets = {sent(ecn_syn)}};
  EXPECT_THAT(conditions(a, b), ElementsAre("ecn.connectivity.offline"));
}

// The original's false "works": a box drops ECN SYNs, the kernel sends the lost one again without ECN, and
// connect() succeeds.
TEST_P(EcnTest, AConnectionThatStandsOnARetreatIsNotSaidToWork) {
  ASSERT_EQ(combine_connectivity(true, true), Connectivity::works) << "what the original concludes";
  const Packets retreat{sent(ecn_syn), sent(tcp_flag::syn), received(syn_ack), sent(tcp_flag::ack)};
  EXPECT_THAT(conditions(plain(), {.packets = retreat}), ElementsAre("ecn.fallback.seen"));
  EXPECT_THAT(conditions(plain(), {.packets = retreat, .lossy = true}), ElementsAre("ecn.fallback.seen"));
  const Packets late{sent(ecn_syn), sent(ecn_syn), sent(tcp_flag::syn), received(syn_ack),
                     sent(tcp_flag::ack)};
  EXPECT_THAT(conditions(plain(), {.packets = late}), ElementsAre("ecn.fallback.seen"));
  EXPECT_THAT(conditions(plain(), {.state = ConnectionState::timeout, .packets = retreat}),
              ElementsAre("ecn.fallback.seen"));
  allow_fallback();
  EXPECT_THAT(conditions(plain(), {.packets = retreat}), ElementsAre("ecn.fallback.seen"));
}

TEST_P(EcnTest, ALostSynThatIsSentAgainWithEcnIsNoRetreat) {
  const Packets again{sent(ecn_syn), sent(ecn_syn), received(granting), sent(tcp_flag::ack)};
  EXPECT_THAT(conditions(plain(), {.packets = again}), ElementsAreArray(works("succeeded")));
}

TEST_P(EcnTest, WhatWasNotSentAsWantedIsNotJudged) {
  const Told b{.packets = handshake(ecn_syn, granting)};
  for (const std::uint8_t syn : {ecn_syn, static_cast<std::uint8_t>(tcp_flag::syn | tcp_flag::ece),
                                 static_cast<std::uint8_t>(tcp_flag::syn | tcp_flag::cwr)}) {
    EXPECT_THAT(conditions({.packets = handshake(syn, syn_ack)}, b), ElementsAre("pathspider.not_observed"))
        << "the baseline asked";
  }
  for (const std::uint8_t syn :
       {std::uint8_t{tcp_flag::syn}, static_cast<std::uint8_t>(tcp_flag::syn | tcp_flag::cwr)}) {
    EXPECT_THAT(conditions(plain(), {.packets = handshake(syn, syn_ack)}),
                ElementsAre("pathspider.not_observed"))
        << "the experiment did not ask";
  }
}

TEST_P(EcnTest, WhatMayHaveBeenLostIsNotConcludedFrom) {
  const Told b{.packets = handshake(ecn_syn, granting), .lossy = true};
  EXPECT_THAT(conditions(plain(), b), ElementsAre("ecn.connectivity.works", "pathspider.not_observed"));
  Told lossy_baseline = plain();
  lossy_baseline.lossy = true;
  EXPECT_THAT(conditions(lossy_baseline, {.packets = handshake(ecn_syn, granting)}),
              ElementsAreArray(works("succeeded")))
      << "nothing is concluded from the baseline's packets";
}

TEST_P(EcnTest, WithFallbackOnARetreatMayBeAmongWhatWasLost) {
  allow_fallback();
  EXPECT_THAT(conditions(plain(), {.packets = handshake(ecn_syn, granting), .lossy = true}),
              ElementsAre("pathspider.not_observed"));
  EXPECT_THAT(conditions(plain(), {}), ElementsAre("pathspider.not_observed", "pathspider.missed_flows:1"));
  EXPECT_THAT(conditions(plain(), {.packets = handshake(ecn_syn, granting)}),
              ElementsAreArray(works("succeeded")));
}

TEST_P(EcnTest, UnobservedFlowsLeaveConnectivityOnly) {
  EXPECT_THAT(conditions(plain(), {}),
              ElementsAre("ecn.connectivity.works", "pathspider.not_observed", "pathspider.missed_flows:1"));
  EXPECT_THAT(conditions({}, {.state = ConnectionState::timeout}),
              ElementsAre("ecn.connectivity.broken", "pathspider.not_observed", "pathspider.missed_flows:2"));
  Names expected = works("succeeded");
  expected.push_back("pathspider.missed_flows:1");
  EXPECT_THAT(conditions({}, {.packets = handshake(ecn_syn, granting)}), ElementsAreArray(expected));
}

TEST_P(EcnTest, WithoutItsSynAckAConnectionSaysNothingOfNegotiation) {
  EXPECT_THAT(conditions(plain(), {.packets = {sent(ecn_syn), sent(tcp_flag::ack)}}),
              ElementsAre("ecn.connectivity.works", "pathspider.not_observed"));
}

TEST_P(EcnTest, SkippedAndDiscardedConnectionsAreNotJudged) {
  for (const ConnectionState state : {ConnectionState::skipped, ConnectionState::discard}) {
    const Told b{.state = state, .packets = handshake(ecn_syn, granting)};
    EXPECT_THAT(conditions(plain(), b), ElementsAre("pathspider.skipped"));
  }
}

}  // namespace
}  // namespace spiderling
