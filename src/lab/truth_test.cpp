#include "lab/truth.h"

#include <gtest/gtest.h>

namespace spiderling::lab {
namespace {

constexpr std::string_view two_boxes = R"(
name = "two"
[[host]]
name = "good"
box = "clean"
family = "v4"
count = 2
ecn = ["ecn.connectivity.works", "ecn.negotiation.*"]
may = ["ecn.ipmark.ce.seen"]
[[host]]
name = "bad"
box = "ecn-syn-dropped"
count = 1
ecn = ["ecn.connectivity.broken"]
)";

class Truth : public ::testing::Test {
 protected:
  void take(std::string_view dip, std::string_view conditions) {
    judge_.take(fmt::format(R"({{"dip":"{}","dp":80,"conditions":[{}]}})", dip, conditions));
  }
  void take_all_right() {
    take("10.1.0.1", R"("ecn.connectivity.works","ecn.negotiation.succeeded")");
    take("10.1.0.2", R"("ecn.negotiation.failed","ecn.connectivity.works","ecn.ipmark.ce.seen")");
    take("10.2.0.1", R"("ecn.connectivity.broken")");
  }

  Scenario scenario_ = parse_scenario(two_boxes, "two.toml").value();
  AddressPlan plan_ = AddressPlan::of(scenario_).value();
  Judge judge_ = Judge::of(scenario_, plan_, "ecn").value();
};

TEST_F(Truth, AllRight) {
  take_all_right();
  take("fd53:7069:6465:200::1", R"("ecn.connectivity.broken")");
  const Verdict verdict = judge_.verdict();
  EXPECT_TRUE(verdict.all_right());
  EXPECT_EQ(4u, verdict.results);
  EXPECT_EQ(4u, verdict.targets());
  const ConditionCount& works = verdict.conditions.at("ecn.connectivity.works");
  EXPECT_EQ(2u, works.true_positive);
  EXPECT_EQ(0u, works.false_positive + works.false_negative);
  EXPECT_EQ(2u, works.true_negative);
  EXPECT_EQ(2u, verdict.conditions.at("ecn.negotiation.*").true_positive);
  EXPECT_EQ(2u, verdict.conditions.at("ecn.ipmark.ce.seen").undecided);
  EXPECT_EQ(2u, verdict.conditions.at("ecn.ipmark.ce.seen").true_negative);
}

TEST_F(Truth, AMissingResultIsNotRight) {
  take_all_right();
  const Verdict verdict = judge_.verdict();
  EXPECT_FALSE(verdict.all_right());
  EXPECT_EQ(1u, verdict.hosts[1].missing);
  EXPECT_EQ(0u, verdict.hosts[0].missing);
}

TEST_F(Truth, ASecondResultOfATargetIsNotRight) {
  take_all_right();
  take("fd53:7069:6465:200::1", R"("ecn.connectivity.broken")");
  take("10.2.0.1", R"("ecn.connectivity.works")");
  const Verdict verdict = judge_.verdict();
  EXPECT_FALSE(verdict.all_right());
  EXPECT_EQ(1u, verdict.hosts[1].duplicate);
  EXPECT_EQ(2u, verdict.hosts[1].right);  // only the first is judged
}

TEST_F(Truth, AFalseWorksIsFoundAndNamed) {
  take("10.2.0.1", R"("ecn.connectivity.works")");
  const Verdict verdict = judge_.verdict();
  const HostVerdict& bad = verdict.hosts[1];
  EXPECT_EQ(0u, bad.right);
  EXPECT_EQ(1u, bad.wrong.at("ecn.connectivity.works").unexpected);
  EXPECT_EQ("10.2.0.1", bad.wrong.at("ecn.connectivity.works").example);
  EXPECT_EQ(1u, bad.wrong.at("ecn.connectivity.broken").missed);
  EXPECT_EQ(1u, verdict.conditions.at("ecn.connectivity.works").false_positive);
  EXPECT_EQ(1u, verdict.conditions.at("ecn.connectivity.broken").false_negative);
}

TEST_F(Truth, AConditionTwiceIsWrong) {
  take("10.2.0.1", R"("ecn.connectivity.broken","ecn.connectivity.broken")");
  EXPECT_EQ(1u, judge_.verdict().hosts[1].wrong.at("ecn.connectivity.broken").unexpected);
}

TEST_F(Truth, ForeignAndUnreadableLinesAreCounted) {
  take_all_right();
  take("fd53:7069:6465:200::1", R"("ecn.connectivity.broken")");
  EXPECT_TRUE(judge_.verdict().all_right());
  take("192.0.2.1", "");
  take("10.1.0.3", "");
  take("no address", "");
  EXPECT_EQ(3u, judge_.verdict().foreign);
  for (const char* line : {"", "{", "[]", "{}", R"({"dip":"10.1.0.1"})", R"({"dip":1,"conditions":[]})",
                           R"({"dip":"10.1.0.1","conditions":[1]})", "\xff\xfe"})
    judge_.take(line);
  EXPECT_EQ(8u, judge_.verdict().unreadable);
  EXPECT_FALSE(judge_.verdict().unreadable_example.empty());
  EXPECT_FALSE(judge_.verdict().all_right());
}

TEST_F(Truth, EveryHostMustSayWhatIsTrue) {
  const auto judge = Judge::of(scenario_, plan_, "tfo");
  ASSERT_FALSE(judge);
  EXPECT_EQ("host 'good' of scenario 'two' does not say what 'tfo' must find: tfo = [...]",
            judge.error().message);
}

}  // namespace
}  // namespace spiderling::lab
