// What two connections came to in, conditions out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "plugins/registry.h"
#include "spiders/combiner.h"

namespace spiderling {
namespace {

using ::testing::ElementsAre;
using Names = std::vector<std::string>;

/// A connection as the worker tells of it.
struct Told {
  ConnectionState state = ConnectionState::ok;
  const char* version = nullptr;
};

class H2Test : public ::testing::Test {
 protected:
  static const MeasurementDescription& description() {
    for (const MeasurementDescription* one : Registry::built_in().measurements()) {
      if (std::string_view(one->name) == "h2") return *one;
    }
    throw std::runtime_error("no measurement is named h2");
  }
  Names conditions(const Told& a, const Told& b) const {
    MergedJob job;
    for (const Told& told : {a, b}) {
      JobConnection& one = job.connections.emplace_back();
      one.record.state = told.state;
      if (told.version != nullptr) one.record.add("http_version", told.version);
    }
    Names names;
    for (const Condition& one : combine(*measurement_, job)) names.push_back(one.to_string());
    return names;
  }
  const std::unique_ptr<Measurement> measurement_ = description().create();
};

constexpr Told http1{.version = "1.1"}, http2{.version = "2"};

TEST_F(H2Test, IsWhatItsDescriptionSays) {
  EXPECT_FALSE(description().has_own_connect);
  EXPECT_THAT(description().connect_supported, ElementsAre(ConnectMode::http, ConnectMode::https));
  ASSERT_EQ(measurement_->runs().size(), 2u);
  EXPECT_EQ(measurement_->runs()[0].http, HttpVersion::http1);
  EXPECT_EQ(measurement_->runs()[1].http, HttpVersion::http2);
  OptionList list;
  measurement_->options(list);
  ASSERT_EQ(list.options().size(), 1u);
  EXPECT_EQ(list.options()[0].name, "prior-knowledge");
  *std::get<bool*>(list.options()[0].target) = true;
  EXPECT_EQ(measurement_->runs()[0].http, HttpVersion::http1);
  EXPECT_EQ(measurement_->runs()[1].http, HttpVersion::http2_prior_knowledge);
}

TEST_F(H2Test, BothAnswered) {
  EXPECT_THAT(conditions(http1, http2), ElementsAre("h2.connectivity.works", "h2.upgrade.success"));
  EXPECT_THAT(conditions(http1, http1), ElementsAre("h2.connectivity.works", "h2.upgrade.failed"));
  EXPECT_THAT(conditions(http1, {.version = "1.0"}),
              ElementsAre("h2.connectivity.works", "h2.upgrade.failed"));
  EXPECT_THAT(conditions(http1, {}), ElementsAre("h2.connectivity.works", "h2.upgrade.failed"));
}

TEST_F(H2Test, OnlyTheBaselineAnswered) {
  for (const ConnectionState state : {ConnectionState::failed, ConnectionState::timeout})
    EXPECT_THAT(conditions(http1, {.state = state}), ElementsAre("h2.connectivity.broken"));
}

TEST_F(H2Test, OnlyTheExperimentAnswered) {
  const Told silent{.state = ConnectionState::timeout};
  EXPECT_THAT(conditions(silent, http2), ElementsAre("h2.connectivity.transient", "h2.upgrade.success"));
  EXPECT_THAT(conditions(silent, http1), ElementsAre("h2.connectivity.transient", "h2.upgrade.failed"));
}

TEST_F(H2Test, NobodyAnswered) {
  const Told silent{.state = ConnectionState::timeout}, refused{.state = ConnectionState::failed};
  EXPECT_THAT(conditions(silent, refused), ElementsAre("h2.connectivity.offline"));
}

TEST_F(H2Test, SkippedAndDiscardedConnectionsAreNotJudged) {
  for (const ConnectionState state : {ConnectionState::skipped, ConnectionState::discard}) {
    EXPECT_THAT(conditions(http1, {.state = state}), ElementsAre("pathspider.skipped"));
    EXPECT_THAT(conditions({.state = state}, http2), ElementsAre("pathspider.skipped"));
  }
}

}  // namespace
}  // namespace spiderling
