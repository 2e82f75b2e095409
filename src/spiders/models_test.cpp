// The four models of a measurement, each through the engine over a network that does as a script says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "spiderling/builder.h"
#include "spiders/combiner.h"
#include "spiders/test_engine.h"

namespace spiderling {
namespace {

using namespace testing;
using ::testing::ElementsAre;

// What the registry needs of each.
struct Described {
  static constexpr const char* name = "described";
  static constexpr const char* description = "For tests";
  static constexpr const char* version = "1.0.0";
  static constexpr std::array chains{"basic"};
  static constexpr std::array connect_supported{ConnectMode::tcp, ConnectMode::http};
};

void count_ok(const MergedFlows& flows, Conditions& conditions) {
  conditions.add("flows", flows.size());
  conditions.connectivity("test", flows.front().ok(), flows.back().ok());
}

class Synchronized : public SynchronizedMeasurement, public Described {
 public:
  std::vector<Configuration> configurations() const override {
    Configuration off("off"), on("on");
    on.socket.ecn = EcnRequest::on;
    return {off, on};
  }
  void combine(const MergedFlows& flows, Conditions& conditions) const override {
    count_ok(flows, conditions);
  }
};

class Desynchronized : public DesynchronizedMeasurement, public Described {
 public:
  std::vector<Configuration> connections() const override {
    return {Configuration("tcp"), Configuration("whole"), Configuration("whole again")};
  }
  Task<ConnectionRecord> connect(Worker& worker) override {
    runs_seen.insert(worker.run());
    if (worker.run() == 0) co_return co_await worker.tcp_connect();
    co_return co_await worker.connect();
  }
  void combine(const MergedFlows& flows, Conditions& conditions) const override {
    count_ok(flows, conditions);
  }
  std::set<std::size_t> runs_seen;
};

class Single : public SingleMeasurement, public Described {
 public:
  void combine(const MergedFlows& flows, Conditions& conditions) const override {
    conditions.add("flows", flows.size());
    conditions.connectivity("test", flows[0].ok());
  }
};

class Forge : public ForgeMeasurement, public Described {
 public:
  std::vector<Configuration> packets() const override {
    return {Configuration("plain"), Configuration("odd")};
  }
  IpProtocol protocol(ConnectMode) const override { return IpProtocol::udp; }
  std::uint16_t port(ConnectMode) const override { return 53; }
  std::vector<std::uint8_t> forge(const Job&, std::size_t seq, const ForgedEnds& ends) const override {
    PacketBuffer<100> packet;
    packet.ip4({.source = ends.sip, .destination = ends.dip, .reserved_flag = seq == 1})
        .udp({.source_port = ends.sp, .destination_port = ends.dp})
        .payload("?");
    const auto bytes = packet.finish();
    return bytes ? std::vector(bytes->begin(), bytes->end()) : std::vector<std::uint8_t>();
  }
  void combine(const MergedFlows& flows, Conditions& conditions) const override {
    count_ok(flows, conditions);
  }
};

// Of ten jobs, what combine() said of the first; number 1 fails for even lines.
std::vector<std::string> conditions_of(Measurement& measurement, std::uint64_t line,
                                       std::vector<ConversationPlan>* plans = nullptr) {
  EngineRun run(
      {line},
      [](std::uint64_t at, std::size_t number) {
        return Script{.state = at % 2 == 0 && number == 1 ? ConnectionState::failed : ConnectionState::ok};
      },
      {.configurations = measurement.runs().size()}, &measurement);
  std::vector<std::string> texts;
  run.on_job = [&](const MergedJob& job) {
    for (const Condition& one : combine(measurement, job)) texts.push_back(one.to_string());
  };
  run.on_prepare = [&](const ConversationPlan& plan) {
    if (plans != nullptr) plans->push_back(plan);
  };
  run.run();
  return texts;
}

TEST(Models, SynchronizedMakesTheSameConnectionUnderEachConfiguration) {
  Synchronized measurement;
  EXPECT_EQ(measurement.runs().size(), 2u);
  EXPECT_EQ(measurement.runs()[1].socket.ecn, EcnRequest::on);
  EXPECT_THAT(conditions_of(measurement, 1), ElementsAre("flows:2", "test.connectivity.works"));
  EXPECT_THAT(conditions_of(measurement, 2), ElementsAre("flows:2", "test.connectivity.broken"));
}

TEST(Models, DesynchronizedTellsItsConnectionsApart) {
  Desynchronized measurement;
  EXPECT_EQ(measurement.runs().size(), 3u);
  EXPECT_THAT(conditions_of(measurement, 1), ElementsAre("flows:3", "test.connectivity.works"));
  EXPECT_THAT(measurement.runs_seen, ElementsAre(0, 1, 2));
}

TEST(Models, SingleHasOneConnection) {
  Single measurement;
  EXPECT_EQ(measurement.runs().size(), 1u);
  EXPECT_THAT(conditions_of(measurement, 1), ElementsAre("flows:1", "test.connectivity.online"));
}

TEST(Models, ForgeHasAPacketEach) {
  Forge measurement;
  ASSERT_EQ(measurement.runs().size(), 2u);
  EXPECT_EQ(measurement.runs()[1].name, "odd");
  std::vector<ConversationPlan> plans;
  EXPECT_THAT(conditions_of(measurement, 1, &plans), ElementsAre("flows:2", "test.connectivity.works"));
  EXPECT_THAT(conditions_of(measurement, 2), ElementsAre("flows:2", "test.connectivity.broken"));
  ASSERT_EQ(plans.size(), 2u);
  for (const ConversationPlan& plan : plans) {
    EXPECT_EQ(plan.forger, &measurement) << "the network forges";
    EXPECT_EQ(plan.number, plan.mark) << "the packet of this configuration";
    EXPECT_EQ(plan.port, 53);
  }
  Job job;
  const ForgedEnds ends{*IpAddress::parse("192.0.2.1"), *IpAddress::parse("192.0.2.2"), 4000, 53};
  EXPECT_EQ(measurement.forge(job, 0, ends)[6], 0);
  EXPECT_EQ(measurement.forge(job, 1, ends)[6], 0x80);
}

TEST(Models, OthersForgeNothing) {
  Synchronized one;
  Desynchronized two;
  Single three;
  for (Measurement* measurement : {static_cast<Measurement*>(&one), static_cast<Measurement*>(&two),
                                   static_cast<Measurement*>(&three)}) {
    std::vector<ConversationPlan> plans;
    conditions_of(*measurement, 1, &plans);
    ASSERT_FALSE(plans.empty());
    for (const ConversationPlan& plan : plans) {
      EXPECT_EQ(plan.forger, nullptr);
      EXPECT_EQ(plan.port, 80);
    }
  }
}

TEST(Models, AllFourAreDescribed) {
  const auto check = [](const MeasurementDescription& description, bool own_connect, std::size_t runs) {
    EXPECT_STREQ(description.name, "described");
    EXPECT_EQ(description.has_own_connect, own_connect);
    EXPECT_EQ(description.connect_supported.front(), ConnectMode::tcp);
    EXPECT_EQ(description.create()->runs().size(), runs);
  };
  check(describe_measurement<Synchronized>(), false, 2);
  check(describe_measurement<Desynchronized>(), true, 3);
  check(describe_measurement<Single>(), false, 1);
  check(describe_measurement<Forge>(), false, 2);
  EXPECT_NE(describe_measurement<Forge>().create()->forger(), nullptr);
}

}  // namespace

SPIDERLING_MEASUREMENT(Synchronized)
SPIDERLING_MEASUREMENT(Desynchronized)
SPIDERLING_MEASUREMENT(Single)
SPIDERLING_MEASUREMENT(Forge)

namespace {

TEST(Models, AllFourAreRegistered) {
  std::size_t registered = 0;
  for (auto at = __start_spiderling_plugins; at != __stop_spiderling_plugins; ++at) {
    if ((*at)->kind == PluginKind::measurement && std::string((*at)->name) == Described::name) ++registered;
  }
  EXPECT_EQ(registered, 4u);
}

}  // namespace
}  // namespace spiderling
