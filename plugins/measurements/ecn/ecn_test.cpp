// Lines of two connections in, through the real chains, conditions out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spiderling/testing.h"

namespace spiderling {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

// Flags, as letters.
const std::string plain_syn = "S";
const std::string ecn_syn = "SEC";
const std::string syn_ack = "SA";
const std::string granting = "SAE";
const std::string reflecting = "SAEC";

using Names = std::vector<std::string>;
using Lines = std::vector<std::string>;

/// A connection as the worker and the observer tell of it.
struct Told {
  ConnectionState state = ConnectionState::ok;
  Lines packets{};  // none: not observed
  bool lossy = false;
};

std::string sent(const std::string& flags) { return "C > S tcp " + flags; }
std::string received(const std::string& flags) { return "S > C tcp " + flags; }

class EcnTest : public ::testing::TestWithParam<IpVersion> {
 protected:
  void allow_fallback() { test_.options({"--fallback"}); }

  Lines handshake(const std::string& syn, const std::string& answer) const {
    return {sent(syn), received(answer), sent("A")};
  }
  Told plain() const { return {.packets = handshake(plain_syn, syn_ack)}; }

  ToldConnection connection(const Told& told) const {
    ToldConnection one{.state = told.state, .lossy = told.lossy};
    one.packets.add(GetParam() == IpVersion::v4
                        ? "let C = 192.0.2.10:40000\nlet S = 198.51.100.20:80"
                        : "let C = [2001:db8:a::10]:40000\nlet S = [2001:db8:b::20]:80");
    for (const std::string& line : told.packets) one.packets.add(line);
    return one;
  }
  Names conditions(const Told& a, const Told& b) const {
    return test_.conditions({connection(a), connection(b)});
  }

  MeasurementTest test_{"ecn"};
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
  EXPECT_STREQ(test_.description().version, "1.0.0");
  EXPECT_FALSE(test_.description().has_own_connect);
  const auto runs = test_.configurations();
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].socket.ecn, EcnRequest::off);
  EXPECT_EQ(runs[1].socket.ecn, EcnRequest::on);
  allow_fallback();
  EXPECT_EQ(test_.configurations()[1].socket.ecn, EcnRequest::on_with_fallback);
}

TEST_P(EcnTest, WhereBothConnectItWorksAndTheNegotiationIsTold) {
  const struct {
    std::string answer;
    const char* negotiation;
  } cases[] = {
      {granting, "succeeded"},
      {reflecting, "reflected"},
      {syn_ack, "failed"},
      {"SAC", "failed"},
  };
  for (const auto& one : cases) {
    EXPECT_THAT(conditions(plain(), {.packets = handshake(ecn_syn, one.answer)}),
                ElementsAreArray(works(one.negotiation)));
  }
}

TEST_P(EcnTest, OtherFlagsOfTheSynAckDoNotMatter) {
  const std::string answer = granting + "PU";
  EXPECT_THAT(conditions(plain(), {.packets = handshake(ecn_syn, answer)}),
              ElementsAreArray(works("succeeded")));
}

TEST_P(EcnTest, MarksFromTheTargetAreToldOnSynAckAndOnData) {
  for (const std::string& flags : {granting, std::string("A")}) {
    const auto with = [&](const std::string& mark) {
      Told b{.packets = handshake(ecn_syn, granting)};
      if (flags == granting) b.packets[1] = received(flags) + " ecn=" + mark;
      if (flags != granting) b.packets.push_back(received(flags) + " ecn=" + mark);
      return conditions(plain(), b);
    };
    EXPECT_THAT(with("ect0"), ElementsAreArray(works("succeeded", true)));
    EXPECT_THAT(with("ect1"), ElementsAreArray(works("succeeded", false, true)));
    EXPECT_THAT(with("ce"), ElementsAreArray(works("succeeded", false, false, true)));
  }
}

TEST_P(EcnTest, OurOwnMarksAndThoseInTheBaselineAreNot) {
  Told a = plain();
  a.packets.push_back(received("A") + " ecn=ce");
  Told b{.packets = handshake(ecn_syn, granting)};
  b.packets.push_back(sent("A") + " ecn=ect0");
  EXPECT_THAT(conditions(a, b), ElementsAreArray(works("succeeded")));
}

TEST_P(EcnTest, Broken) {
  const Lines silence{sent(ecn_syn), sent(ecn_syn), sent(ecn_syn)};
  EXPECT_THAT(conditions(plain(), {.state = ConnectionState::timeout, .packets = silence}),
              ElementsAre("ecn.connectivity.broken"));
  const Lines reset{sent(ecn_syn), received("RA")};
  EXPECT_THAT(conditions(plain(), {.state = ConnectionState::failed, .packets = reset}),
              ElementsAre("ecn.connectivity.broken"));
}

TEST_P(EcnTest, TransientTellsNegotiationToo) {
  const Told a{.state = ConnectionState::timeout, .packets = {sent(plain_syn)}};
  Names expected = works("succeeded");
  expected[0] = "ecn.connectivity.transient";
  EXPECT_THAT(conditions(a, {.packets = handshake(ecn_syn, granting)}), ElementsAreArray(expected));
}

TEST_P(EcnTest, Offline) {
  const Told a{.state = ConnectionState::timeout, .packets = {sent(plain_syn)}};
  const Told b{.state = ConnectionState::failed, .packets = {sent(ecn_syn)}};
  EXPECT_THAT(conditions(a, b), ElementsAre("ecn.connectivity.offline"));
}

// The original's false "works": a box drops ECN SYNs, the kernel sends the lost one again without ECN, and
// connect() succeeds.
TEST_P(EcnTest, AConnectionThatStandsOnARetreatIsNotSaidToWork) {
  ASSERT_EQ(combine_connectivity(true, true), Connectivity::works) << "what the original concludes";
  const Lines retreat{sent(ecn_syn), sent(plain_syn), received(syn_ack), sent("A")};
  EXPECT_THAT(conditions(plain(), {.packets = retreat}), ElementsAre("ecn.fallback.seen"));
  EXPECT_THAT(conditions(plain(), {.packets = retreat, .lossy = true}), ElementsAre("ecn.fallback.seen"));
  const Lines late{sent(ecn_syn), sent(ecn_syn), sent(plain_syn), received(syn_ack), sent("A")};
  EXPECT_THAT(conditions(plain(), {.packets = late}), ElementsAre("ecn.fallback.seen"));
  EXPECT_THAT(conditions(plain(), {.state = ConnectionState::timeout, .packets = retreat}),
              ElementsAre("ecn.fallback.seen"));
  allow_fallback();
  EXPECT_THAT(conditions(plain(), {.packets = retreat}), ElementsAre("ecn.fallback.seen"));
}

TEST_P(EcnTest, ALostSynThatIsSentAgainWithEcnIsNoRetreat) {
  const Lines again{sent(ecn_syn), sent(ecn_syn), received(granting), sent("A")};
  EXPECT_THAT(conditions(plain(), {.packets = again}), ElementsAreArray(works("succeeded")));
}

TEST_P(EcnTest, WhatWasNotSentAsWantedIsNotJudged) {
  const Told b{.packets = handshake(ecn_syn, granting)};
  for (const std::string& syn : {ecn_syn, std::string("SE"), std::string("SC")}) {
    EXPECT_THAT(conditions({.packets = handshake(syn, syn_ack)}, b), ElementsAre("pathspider.not_observed"))
        << "the baseline asked";
  }
  for (const std::string& syn : {plain_syn, std::string("SC")}) {
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
  EXPECT_THAT(conditions(plain(), {.packets = {sent(ecn_syn), sent("A")}}),
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
