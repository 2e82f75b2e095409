// Packets of four connections in, through the real chains, conditions out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spiders/test_measurement.h"

namespace spiderling {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

using Names = std::vector<std::string>;

class TcpOptTest : public ::testing::TestWithParam<IpVersion> {
 protected:
  static constexpr std::uint8_t syn = tcp_flag::syn, syn_ack = tcp_flag::syn | tcp_flag::ack;

  PacketBytes sent(std::uint8_t flags, const OptionBytes& options = {}) const {
    return tcp_packet(hosts_.client, hosts_.server, flags, {.options = options});
  }
  PacketBytes received(std::uint8_t flags, const OptionBytes& options = {}) const {
    return tcp_packet(hosts_.server, hosts_.client, flags, {.options = options});
  }
  Told handshake(const OptionBytes& asked, const OptionBytes& answered) const {
    return {.packets = {sent(syn, asked), received(syn_ack, answered), sent(tcp_flag::ack)}};
  }
  Told silence(const OptionBytes& asked) const {
    return {.state = ConnectionState::timeout, .packets = {sent(syn, asked), sent(syn, asked)}};
  }
  std::vector<Told> all_taken_up() const {
    return {handshake({}, {}), handshake(ts_, ts_), handshake(ws_, ws_), handshake(sack_, sack_)};
  }

  const OptionBytes ts_ = tcp_option::timestamps(1, 0);
  const OptionBytes ws_ = tcp_option::window_scale(7);
  const OptionBytes sack_ = tcp_option::sack_permitted();
  const Hosts hosts_ = hosts(GetParam());
  MeasurementRig rig_{"tcpopt"};
};

INSTANTIATE_TEST_SUITE_P(BothVersions, TcpOptTest, ::testing::Values(IpVersion::v4, IpVersion::v6),
                         [](const auto& version) { return version.param == IpVersion::v4 ? "v4" : "v6"; });

const char* const aspects[] = {"tsopt", "wsopt", "sack"};

// Where all goes well, but for what is changed of one aspect.
Names usual(int other = -1, const Names& instead = {}) {
  Names names;
  for (int i = 0; i < 3; ++i) {
    if (i == other) {
      names.insert(names.end(), instead.begin(), instead.end());
      continue;
    }
    const std::string aspect = aspects[i];
    for (const char* end : {".connectivity.works", ".negotiation.succeeded", ".unsolicited.not_seen"})
      names.push_back(aspect + end);
  }
  return names;
}

TEST_P(TcpOptTest, EachConfigurationLeavesOneOption) {
  const auto runs = rig_.measurement().runs();
  ASSERT_EQ(runs.size(), 4u);
  EXPECT_EQ(runs[0].socket.syn_options, (SynOptions{false, false, false}));
  EXPECT_EQ(runs[1].socket.syn_options, (SynOptions{true, false, false}));
  EXPECT_EQ(runs[2].socket.syn_options, (SynOptions{false, true, false}));
  EXPECT_EQ(runs[3].socket.syn_options, (SynOptions{false, false, true}));
  for (const Configuration& one : runs) {
    ASSERT_EQ(one.host.size(), 3u);
    EXPECT_EQ(one.host[0].value, one.socket.syn_options->timestamps ? "1" : "0");
    EXPECT_EQ(one.host[1].value, one.socket.syn_options->window_scale ? "1" : "0");
    EXPECT_EQ(one.host[2].value, one.socket.syn_options->sack_permitted ? "1" : "0");
  }
  EXPECT_EQ(rig_.measurement().host_settings().size(), 3u) << "a SYN can only lose what is there";
}

TEST_P(TcpOptTest, WorksWhereAllAreTakenUp) {
  EXPECT_THAT(rig_.conditions(all_taken_up()), ElementsAreArray(usual()));
}

TEST_P(TcpOptTest, NegotiationFailsForTheOneThatIsNotTakenUp) {
  const OptionBytes* const options[] = {&ts_, &ws_, &sack_};
  for (int i = 0; i < 3; ++i) {
    auto told = all_taken_up();
    told[static_cast<std::size_t>(i) + 1] = handshake(*options[i], {});
    const std::string aspect = aspects[i];
    EXPECT_THAT(rig_.conditions(told),
                ElementsAreArray(usual(i, {aspect + ".connectivity.works", aspect + ".negotiation.failed",
                                           aspect + ".unsolicited.not_seen"})));
  }
}

TEST_P(TcpOptTest, UnsolicitedIsWhatAnswersTheBaseline) {
  const OptionBytes* const options[] = {&ts_, &ws_, &sack_};
  for (int i = 0; i < 3; ++i) {
    auto told = all_taken_up();
    told[0] = handshake({}, *options[i]);
    const std::string aspect = aspects[i];
    EXPECT_THAT(rig_.conditions(told),
                ElementsAreArray(usual(i, {aspect + ".connectivity.works", aspect + ".negotiation.succeeded",
                                           aspect + ".unsolicited.seen"})));
  }
}

TEST_P(TcpOptTest, BrokenForTheOneThatIsDropped) {
  auto told = all_taken_up();
  told[2] = silence(ws_);
  EXPECT_THAT(rig_.conditions(told),
              ElementsAreArray(usual(1, {"wsopt.connectivity.broken", "wsopt.unsolicited.not_seen"})));
}

TEST_P(TcpOptTest, TransientAndOffline) {
  auto told = all_taken_up();
  told[0] = silence({});
  EXPECT_THAT(rig_.conditions(told),
              ElementsAre("tsopt.connectivity.transient", "tsopt.negotiation.succeeded",
                          "wsopt.connectivity.transient", "wsopt.negotiation.succeeded",
                          "sack.connectivity.transient", "sack.negotiation.succeeded"));
  EXPECT_THAT(
      rig_.conditions({silence({}), silence(ts_), silence(ws_), silence(sack_)}),
      ElementsAre("tsopt.connectivity.offline", "wsopt.connectivity.offline", "sack.connectivity.offline"));
}

TEST_P(TcpOptTest, WhatWasNotSentAsWantedIsNotJudged) {
  auto told = all_taken_up();
  told[0] = handshake(sack_, sack_);
  EXPECT_THAT(rig_.conditions(told), ElementsAre("pathspider.not_observed")) << "the baseline asked";
  told = all_taken_up();
  told[1] = handshake({}, {});
  Names expected = usual(0, {"pathspider.not_observed"});
  EXPECT_THAT(rig_.conditions(told), ElementsAreArray(expected)) << "timestamps were not asked for";
  OptionBytes two = ts_;
  two.append(ws_.bytes());
  told[1] = handshake(two, ts_);
  EXPECT_THAT(rig_.conditions(told), ElementsAreArray(expected)) << "nor were they alone";
}

TEST_P(TcpOptTest, ASynSentAgainWithOtherOptionsIsNotAsWanted) {
  auto told = all_taken_up();
  told[3].packets.insert(told[3].packets.begin() + 1, sent(syn));
  EXPECT_THAT(rig_.conditions(told), ElementsAreArray(usual(2, {"pathspider.not_observed"})));
  told = all_taken_up();
  told[3].packets.insert(told[3].packets.begin() + 1, sent(syn, sack_));
  EXPECT_THAT(rig_.conditions(told), ElementsAreArray(usual())) << "the same again is";
}

TEST_P(TcpOptTest, WhatMayHaveBeenLostIsNotConcludedFrom) {
  auto told = all_taken_up();
  told[1].lossy = true;
  EXPECT_THAT(rig_.conditions(told),
              ElementsAreArray(usual(
                  0, {"tsopt.connectivity.works", "pathspider.not_observed", "tsopt.unsolicited.not_seen"})));
  told = all_taken_up();
  told[0].lossy = true;
  EXPECT_THAT(rig_.conditions(told), ElementsAre("tsopt.connectivity.works", "tsopt.negotiation.succeeded",
                                                 "pathspider.not_observed", "wsopt.connectivity.works",
                                                 "wsopt.negotiation.succeeded", "sack.connectivity.works",
                                                 "sack.negotiation.succeeded"));
  EXPECT_THAT(rig_.conditions({{}, {}, {}, {}}),
              ElementsAre("tsopt.connectivity.works", "pathspider.not_observed", "wsopt.connectivity.works",
                          "sack.connectivity.works", "pathspider.missed_flows:4"));
}

TEST_P(TcpOptTest, AConnectionThatStandsHasASynAck) {
  auto told = all_taken_up();
  told[1].packets.erase(told[1].packets.begin() + 1);
  EXPECT_THAT(rig_.conditions(told),
              ElementsAreArray(usual(
                  0, {"tsopt.connectivity.works", "pathspider.not_observed", "tsopt.unsolicited.not_seen"})));
}

TEST_P(TcpOptTest, SkippedAndDiscardedConnectionsAreNotJudged) {
  for (const ConnectionState state : {ConnectionState::skipped, ConnectionState::discard}) {
    auto told = all_taken_up();
    told[2].state = state;
    EXPECT_THAT(rig_.conditions(told), ElementsAre("pathspider.skipped"));
  }
}

}  // namespace
}  // namespace spiderling
