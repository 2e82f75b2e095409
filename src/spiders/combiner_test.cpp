#include "spiders/combiner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <stdexcept>

namespace spiderling {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Before {
  static constexpr const char* name = "before";
  static constexpr const char* description = "So that the next chain's state does not lie at 0";
  struct State {
    std::uint32_t number = 0xffffffff;
  };
  static void fields(FieldList& list, const State& s) { list.add("before", s.number, "a number"); }
};
struct Values {
  static constexpr const char* name = "values";
  static constexpr const char* description = "A field of each type";
  struct State {
    bool flag = false;
    std::uint8_t small = 0;
    std::uint16_t middle = 0;
    std::uint32_t large = 0;
    std::uint64_t huge = 0;
    std::int64_t negative = 0;
    double real = 0;
    IpAddress address;
    Maybe<std::uint16_t> maybe;
  };
  static void fields(FieldList& list, const State& s) {
    list.add("flag", s.flag, "a flag");
    list.add("small", s.small, "8 bits");
    list.add("middle", s.middle, "16 bits");
    list.add("large", s.large, "32 bits");
    list.add("huge", s.huge, "64 bits");
    list.add("negative", s.negative, "signed");
    list.add("real", s.real, "real");
    list.add("address", s.address, "an address");
    list.add("maybe", s.maybe, "or nothing");
  }
};

ChainSet chain_set() {
  const std::vector<const ChainDescription*> chains{&describe_chain<Before>(), &describe_chain<Values>()};
  return *ChainSet::make(chains);
}

class Asking : public SynchronizedMeasurement {
 public:
  using Combine = std::function<void(const Asking&, const MergedFlows&, Conditions&)>;
  explicit Asking(Combine combine = {}) : combine_(std::move(combine)) {}
  std::vector<Configuration> configurations() const override { return {{}, {}}; }
  void combine(const MergedFlows& flows, Conditions& conditions) const override {
    ++asked;
    if (combine_) combine_(*this, flows, conditions);
  }
  mutable int asked = 0;
  FlowField<bool> flag{flow_fields_, "flag"};
  FlowField<std::uint64_t> small{flow_fields_, "small"};
  FlowField<std::uint64_t> middle{flow_fields_, "middle"};
  FlowField<std::uint64_t> large{flow_fields_, "large"};
  FlowField<std::uint64_t> huge{flow_fields_, "huge"};
  FlowField<std::int64_t> negative{flow_fields_, "negative"};
  FlowField<double> real{flow_fields_, "real"};
  FlowField<IpAddress> address{flow_fields_, "address"};
  FlowField<std::uint64_t> maybe{flow_fields_, "maybe"};

 private:
  Combine combine_;
};

class Concluding : public Asking {
 public:
  explicit Concluding(std::string members) : members_(std::move(members)) {}
  void conclude(const Job& job, std::span<ConnectionRecord* const> records,
                std::string& members) const override {
    EXPECT_EQ(members, job.members);
    members = members_;
    records.back()->add("concluded", true);
  }

 private:
  std::string members_;
};

template <class T>
class OneField : public Asking {
 public:
  explicit OneField(const char* name) : field{flow_fields_, name} {}
  FlowField<T> field;
};

// Two connections, both ok and observed.
MergedJob job_of(const ChainSet& chains, const Values::State& values = {}) {
  MergedJob job;
  job.connections.resize(2);
  for (JobConnection& one : job.connections) {
    one.record.state = ConnectionState::ok;
    one.attempted = true;
    const auto& blank = chains.blank_states();
    one.flow.states = std::make_unique<std::uint8_t[]>(blank.size());
    std::memcpy(one.flow.states.get(), blank.data(), blank.size());
    std::memcpy(one.flow.states.get() + chains.chains()[1].state_offset, &values, sizeof values);
  }
  return job;
}

std::vector<std::string> texts(const std::vector<Condition>& conditions) {
  std::vector<std::string> list;
  for (const Condition& one : conditions) list.push_back(one.to_string());
  return list;
}

TEST(Combiner, ReadsFieldsOfEveryType) {
  const ChainSet chains = chain_set();
  Values::State values;
  values.flag = true;
  values.small = 0xfe;
  values.middle = 0xfedc;
  values.large = 0xfedcba98;
  values.huge = 0xfedcba9876543210;
  values.negative = -5;
  values.real = 0.5;
  values.address = *IpAddress::parse("2001:db8::1");
  const Asking measurement([&](const Asking& m, const MergedFlows& flows, Conditions&) {
    const MergedFlow& flow = flows[1];
    EXPECT_TRUE(flow.is(m.flag));
    EXPECT_EQ(flow[m.small].value, 0xfeu);
    EXPECT_EQ(flow[m.middle].value, 0xfedcu);
    EXPECT_EQ(flow[m.large].value, 0xfedcba98u);
    EXPECT_EQ(flow[m.huge].value, 0xfedcba9876543210u);
    EXPECT_EQ(flow[m.negative].value, -5);
    EXPECT_EQ(flow[m.real].value, 0.5);
    EXPECT_EQ(flow[m.address].value.to_string(), "2001:db8::1");
    EXPECT_FALSE(flow[m.maybe].seen);
    EXPECT_TRUE(flow.trusted());
  });
  ASSERT_TRUE(bind_flow_fields(measurement, chains).has_value());
  combine(measurement, job_of(chains, values));
  EXPECT_EQ(measurement.asked, 1);
}

TEST(Combiner, TellsWhatWasNotSeen) {
  const ChainSet chains = chain_set();
  const Asking measurement([&](const Asking& m, const MergedFlows& flows, Conditions&) {
    EXPECT_TRUE(flows[0][m.maybe].seen);
    EXPECT_EQ(flows[0][m.maybe].value, 9u);
    EXPECT_FALSE(flows[0][m.address].seen) << "an address without a version is null";
    EXPECT_TRUE(flows[0][m.small].seen) << "what cannot be null is seen";
    EXPECT_FALSE(flows[0].is(m.flag));
    EXPECT_FALSE(flows[1].observed());
    EXPECT_FALSE(flows[1][m.small].seen);
    EXPECT_FALSE(flows[1].is(m.flag));
  });
  ASSERT_TRUE(bind_flow_fields(measurement, chains).has_value());
  Values::State values;
  values.maybe = std::uint16_t{9};
  MergedJob job = job_of(chains, values);
  job.connections[1].flow.states.reset();
  combine(measurement, job);
  EXPECT_EQ(measurement.asked, 1);
}

TEST(Combiner, AFieldThatNoChainHasIsNamed) {
  const OneField<bool> measurement("no_such_field");
  const auto bound = bind_flow_fields(measurement, chain_set());
  ASSERT_FALSE(bound.has_value());
  EXPECT_THAT(bound.error().message, HasSubstr("'no_such_field'"));
}

TEST(Combiner, AFieldOfAnotherTypeIsNamedWithItsChain) {
  const ChainSet chains = chain_set();
  const auto refuses = [&](const Measurement& measurement, const char* field) {
    const auto bound = bind_flow_fields(measurement, chains);
    ASSERT_FALSE(bound.has_value()) << field;
    EXPECT_THAT(bound.error().message, HasSubstr(std::string("'") + field + "'"));
    EXPECT_THAT(bound.error().message, HasSubstr("'values'"));
  };
  refuses(OneField<bool>("small"), "small");
  refuses(OneField<std::uint64_t>("flag"), "flag");
  refuses(OneField<std::uint64_t>("negative"), "negative");
  refuses(OneField<std::int64_t>("huge"), "huge");
  refuses(OneField<double>("large"), "large");
  refuses(OneField<IpAddress>("real"), "real");
  refuses(OneField<std::uint64_t>("address"), "address");
}

TEST(Combiner, WithASkippedOrDiscardedConnectionTheMeasurementIsNotAsked) {
  const ChainSet chains = chain_set();
  for (const ConnectionState state : {ConnectionState::skipped, ConnectionState::discard}) {
    for (const std::size_t which : {0u, 1u}) {
      const Asking measurement;
      MergedJob job = job_of(chains);
      job.connections[which].record.state = state;
      EXPECT_THAT(texts(combine(measurement, job)), ElementsAre("pathspider.skipped"));
      EXPECT_EQ(measurement.asked, 0);
    }
  }
}

TEST(Combiner, FailedAndTimedOutConnectionsAreAskedAbout) {
  const ChainSet chains = chain_set();
  for (const ConnectionState state : {ConnectionState::failed, ConnectionState::timeout}) {
    const Asking measurement([](const Asking&, const MergedFlows& flows, Conditions& conditions) {
      conditions.connectivity("x", flows[0].ok(), flows[1].ok());
    });
    MergedJob job = job_of(chains);
    job.connections[1].record.state = state;
    EXPECT_THAT(texts(combine(measurement, job)), ElementsAre("x.connectivity.broken"));
  }
}

TEST(Combiner, CountsMissedFlows) {
  const ChainSet chains = chain_set();
  const Asking measurement([](const Asking&, const MergedFlows&, Conditions& conditions) {
    conditions.not_observed();
    conditions.not_observed();
    conditions.not_observed();
  });
  MergedJob job = job_of(chains);
  job.connections[0].flow.states.reset();
  EXPECT_THAT(texts(combine(measurement, job)),
              ElementsAre("pathspider.not_observed", "pathspider.missed_flows:1"));
  job.connections[1].flow.states.reset();
  EXPECT_THAT(texts(combine(measurement, job)),
              ElementsAre("pathspider.not_observed", "pathspider.missed_flows:2"));
  job.connections[1].attempted = false;
  EXPECT_THAT(texts(combine(measurement, job)),
              ElementsAre("pathspider.not_observed", "pathspider.missed_flows:1"));
}

TEST(Combiner, ALossyFlowIsNotTrusted) {
  const ChainSet chains = chain_set();
  const Asking measurement([](const Asking&, const MergedFlows& flows, Conditions&) {
    EXPECT_TRUE(flows[0].trusted());
    EXPECT_TRUE(flows[1].observed());
    EXPECT_FALSE(flows[1].trusted());
  });
  MergedJob job = job_of(chains);
  job.connections[1].flow.lossy = true;
  combine(measurement, job);
  EXPECT_EQ(measurement.asked, 1);
}

TEST(Combiner, AMeasurementThatThrowsIsNotBelieved) {
  const ChainSet chains = chain_set();
  const Asking throws([](const Asking&, const MergedFlows&, Conditions& conditions) {
    conditions.add("half.an.answer");
    throw std::runtime_error("no");
  });
  EXPECT_THAT(texts(combine(throws, job_of(chains))), ElementsAre("pathspider.skipped"));
  const Asking throws_a_number([](const Asking&, const MergedFlows&, Conditions&) { throw 7; });
  EXPECT_THAT(texts(combine(throws_a_number, job_of(chains))), ElementsAre("pathspider.skipped"));
}

TEST(Conditions, ConnectivityOfTwoAndOfOne) {
  Conditions conditions;
  conditions.connectivity("a", true, true);
  conditions.connectivity("a", true, false);
  conditions.connectivity("a", false, true);
  conditions.connectivity("a", false, false);
  conditions.connectivity("b", true);
  conditions.connectivity("b", false);
  conditions.add("c", 48);
  conditions.add("d", std::string("text"));
  EXPECT_THAT(texts(conditions.list()),
              ElementsAre("a.connectivity.works", "a.connectivity.broken", "a.connectivity.transient",
                          "a.connectivity.offline", "b.connectivity.online", "b.connectivity.offline", "c:48",
                          "d:text"));
}

TEST(Combiner, AMeasurementConcludesWhatElseTheResultSays) {
  const ChainSet chains = chain_set();
  MergedJob job = job_of(chains);
  job.job.members = R"("dip":"192.0.2.1","rank":7)";
  conclude(Concluding(R"("dip":"192.0.2.1","rank":8,"found":[1])"), job);
  EXPECT_EQ(job.members, R"("dip":"192.0.2.1","rank":8,"found":[1])");
  EXPECT_EQ(job.job.members, R"("dip":"192.0.2.1","rank":7)") << "it is still the same job";
  ASSERT_NE(job.connections[1].record.find("concluded"), nullptr);
  EXPECT_EQ(job.connections[0].record.find("concluded"), nullptr);
}

TEST(Combiner, MembersThatNoResultCouldHaveAreNotTaken) {
  const ChainSet chains = chain_set();
  for (const char* members : {R"("rank":7,)", R"("rank":7},{"a":1)", R"("rank":7,"conditions":[])"}) {
    MergedJob job = job_of(chains);
    job.job.members = R"("rank":7)";
    conclude(Concluding(members), job);
    EXPECT_EQ(job.members, "") << members;
  }
  MergedJob job = job_of(chains);
  job.job.members = R"("rank":7)";
  conclude(Concluding(R"("rank":7)"), job);
  EXPECT_EQ(job.members, "") << "nothing was changed";
}

}  // namespace
}  // namespace spiderling
