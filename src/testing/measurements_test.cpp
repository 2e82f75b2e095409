// The network that is made up, held against measurements that ship: what they say of it must be what it was
// told to be.
#include "spiderling/testing/measurements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spiderling {
namespace {

// A measurement with a connect() of its own, which says something and looks at what comes back.
class Greeter : public SingleMeasurement {
 public:
  static constexpr const char* name = "test_greeter";
  static constexpr const char* description = "Does the target greet back?";
  static constexpr const char* version = "1.0.0";
  static constexpr std::array chains{"basic", "tcp"};
  static constexpr std::array connect_supported{ConnectMode::tcp};

  Task<std::any> pre_connect(const Job&) override { co_return std::any(std::string("hello")); }
  Task<ConnectionRecord> connect(Worker& worker) override {
    ConnectionRecord record = co_await worker.tcp_connect();
    if (!record.ok()) co_return record;
    if (!co_await worker.send(std::any_cast<std::string>(worker.prepared())))
      record.state = ConnectionState::failed;
    record.add("heard", co_await worker.receive(100));
    co_return record;
  }
  void combine(const MergedFlows& flows, Conditions& conditions) const override {
    conditions.connectivity("greeter", flows[0].ok());
    const Payload* heard = flows[0].connection().find("heard");
    if (heard != nullptr) conditions.add("greeter.heard", std::string(heard->as_string()));
    conditions.add("greeter.octets", flows[0][sent_].value);
  }

 private:
  FlowField<std::uint64_t> sent_{flow_fields_, "pkt_fwd"};
};

}  // namespace
}  // namespace spiderling

SPIDERLING_MEASUREMENT(spiderling::Greeter)

namespace spiderling::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

FakeTarget in_ipv6(FakeTarget target) {
  target.ipv6 = true;
  return target;
}
bool is_ecn_syn(const Packet& packet) {
  const auto tcp = packet.tcp();
  return tcp && tcp->has(tcp_flag::syn | tcp_flag::ece | tcp_flag::cwr) && !tcp->has(tcp_flag::ack);
}

TEST(MeasurementTest, EcnOverAMadeUpNetwork) {
  FakeTarget bleached = answers();
  bleached.changes = [](std::span<std::uint8_t> ip) { ip[1] &= 0xfc; };
  FakeTarget unable = answers();
  unable.ecn = false;
  MeasurementTest test("ecn");
  const auto results = test.run({{"plain", answers()},
                                 {"plain6", in_ipv6(answers())},
                                 {"unable", unable},
                                 {"bleached", bleached},
                                 {"drops", drops(is_ecn_syn)},
                                 {"drops6", in_ipv6(drops(is_ecn_syn))},
                                 {"silent", silent()},
                                 {"refuses", refuses()}});
  ASSERT_EQ(results.size(), 8u);
  for (const char* name : {"plain", "plain6"}) {
    EXPECT_THAT(results.at(name).conditions,
                ElementsAre("ecn.connectivity.works", "ecn.negotiation.succeeded", "ecn.ipmark.ect0.seen",
                            "ecn.ipmark.ect1.not_seen", "ecn.ipmark.ce.not_seen"));
  }
  EXPECT_THAT(results.at("unable").conditions, Contains("ecn.negotiation.failed"));
  EXPECT_THAT(results.at("bleached").conditions,
              IsSupersetOf({"ecn.negotiation.succeeded", "ecn.ipmark.ect0.not_seen"}));
  for (const char* name : {"drops", "drops6"})
    EXPECT_THAT(results.at(name).conditions, ElementsAre("ecn.connectivity.broken"));
  EXPECT_THAT(results.at("silent").conditions, ElementsAre("ecn.connectivity.offline"));
  EXPECT_THAT(results.at("refuses").conditions, ElementsAre("ecn.connectivity.offline"));
  EXPECT_EQ(results.at("silent").connections[0].state, ConnectionState::timeout);
  EXPECT_EQ(results.at("refuses").connections[0].state, ConnectionState::failed);
}

TEST(MeasurementTest, ARetreatOfTheKernelIsInThePackets) {
  MeasurementTest test("ecn");
  test.options({"--fallback"});
  const auto results = test.run({{"drops", drops(is_ecn_syn)}, {"plain", answers()}});
  EXPECT_THAT(results.at("drops").conditions, ElementsAre("ecn.fallback.seen"));
  EXPECT_TRUE(results.at("plain").has("ecn.negotiation.succeeded"));
}

TEST(MeasurementTest, OptionsThatAPathStripsAreGone) {
  FakeTarget lowered = answers();
  lowered.mss = 900;
  const auto results = MeasurementTest("mss").run(
      {{"plain", answers()}, {"strips", strips(TcpOptionKind::maximum_segment_size)}, {"lowered", lowered}});
  EXPECT_THAT(results.at("plain").conditions, Contains("mss.option.received.unchanged"));
  EXPECT_THAT(results.at("strips").conditions, Contains("mss.option.received.absent"));
  EXPECT_THAT(results.at("lowered").conditions, Contains("mss.option.remote.value:900"));
}

TEST(MeasurementTest, FastOpenGivesACookieAndTakesItsData) {
  FakeTarget without = answers();
  without.fast_open = false;
  const auto has_syn_data = [](const Packet& packet) {
    return packet.tcp() && packet.tcp()->has(tcp_flag::syn) && packet.payload_length() > 0;
  };
  const auto results = MeasurementTest("tfo").run({{"plain", answers()},
                                                   {"without", without},
                                                   {"strips", strips(TcpOptionKind::fast_open)},
                                                   {"drops", drops(has_syn_data)}});
  EXPECT_THAT(results.at("plain").conditions,
              IsSupersetOf({"tfo.connectivity.works", "tfo.cookie.received", "tfo.syndata.acked"}));
  EXPECT_THAT(results.at("without").conditions, Contains("tfo.cookie.not_received"));
  EXPECT_THAT(results.at("strips").conditions, Contains("tfo.cookie.not_received"));
  EXPECT_THAT(results.at("drops").conditions, Contains("tfo.connectivity.broken"));
}

TEST(MeasurementTest, ForgedPacketsAreAnsweredToo) {
  const auto no_checksum = [](const Packet& packet) { return packet.udp() && packet.udp()->checksum() == 0; };
  FakeTarget box = drops(no_checksum);
  FakeTarget plain = answers();
  const auto results =
      MeasurementTest("udpzero").run({{"plain", plain}, {"drops", box}, {"silent", silent()}});
  EXPECT_THAT(results.at("plain").conditions, Contains("udpzero.connectivity.works"));
  EXPECT_THAT(results.at("drops").conditions, Contains("udpzero.connectivity.broken"));
  EXPECT_THAT(results.at("silent").conditions, Contains("udpzero.connectivity.offline"));
}

TEST(MeasurementTest, AMeasurementsOwnConnect) {
  FakeTarget polite = answers();
  polite.says = [](std::string_view said) { return "you said " + std::string(said); };
  const auto results =
      MeasurementTest("test_greeter").run({{"plain", answers()}, {"polite", polite}, {"gone", silent()}});
  EXPECT_THAT(results.at("polite").conditions, Contains("greeter.heard:you said hello"));
  EXPECT_THAT(results.at("plain").conditions, Contains("greeter.heard:hello"));
  EXPECT_THAT(results.at("gone").conditions, Contains("greeter.connectivity.offline"));
}

TEST(MeasurementTest, WhatIsNotObservedOrLossyIsSaid) {
  FakeTarget unseen = answers();
  unseen.observed = false;
  FakeTarget lossy = answers();
  lossy.lossy = true;
  const auto results = MeasurementTest("ecn").run({{"unseen", unseen}, {"lossy", lossy}});
  EXPECT_THAT(results.at("unseen").conditions, Contains("pathspider.missed_flows:2"));
  EXPECT_THAT(results.at("lossy").conditions, Contains("pathspider.not_observed"));
  EXPECT_EQ(results.at("lossy").json.at("flow_results").at(0).at("lossy"), true);
}

TEST(MeasurementTest, EveryMeasurementThatConnectsRunsInEveryMode) {
  for (const char* name : {"dscp", "ecn", "evilbit", "h2", "mss", "tcpopt", "tfo", "udpzero"}) {
    for (const ConnectMode mode : MeasurementTest(name).description().connect_supported) {
      const auto results =
          MeasurementTest(name).run({{"plain", answers()}, {"silent", silent()}}, {.mode = mode});
      ASSERT_EQ(results.size(), 2u) << name;
      const auto& plain = results.at("plain");
      EXPECT_FALSE(plain.has("pathspider.skipped") || plain.has("pathspider.not_observed"))
          << name << " " << name_of(mode) << ": " << ::testing::PrintToString(plain.conditions);
      for (const std::string& one : plain.conditions)
        EXPECT_THAT(one, ::testing::Not(HasSubstr(".offline"))) << name;
    }
  }
}

TEST(MeasurementTest, WhatCannotBeAskedSaysWhy) {
  EXPECT_THROW(MeasurementTest("enc"), std::invalid_argument);
  EXPECT_THROW(MeasurementTest("ecn").options({"--nothing"}), std::invalid_argument);
  EXPECT_THROW(MeasurementTest("ecn").conditions({{}}), std::invalid_argument) << "it makes two connections";
  EXPECT_THROW(MeasurementTest("dnsresolv").run({}), std::invalid_argument);
  EXPECT_THROW(MeasurementTest("ecn").expand("example.org", {}), std::invalid_argument);
  EXPECT_THROW(MeasurementTest("ecn").run({{"x", answers()}}, {.mode = ConnectMode::dnsudp}),
               std::invalid_argument);
}

TEST(MeasurementTest, NamesAreExpanded) {
  FakeNames names;
  names["www.example.org"] = {NameState::resolved, {*IpAddress::parse("192.0.2.80")}, 0, false};
  names["example.org"] = names["www.example.org"];
  MeasurementTest test("dnsresolv");
  const Expansion found = test.expand("example.org", names);
  ASSERT_FALSE(found.jobs.empty());
  EXPECT_EQ(found.jobs[0].dip.to_string(), "192.0.2.80");
  EXPECT_TRUE(test.expand("nothing.example", names).jobs.empty());
}

}  // namespace
}  // namespace spiderling::testing
