#include "lab/resolved_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spiderling::lab {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ResolvedNamesTest : public ::testing::Test {
 protected:
  const Scenario scenario_ =
      parse_scenario("name = \"s\"\n[[host]]\nbox = \"clean\"\ncount = 2\nport = 53\n", "s.toml").value();
  const AddressPlan plan_ = AddressPlan::of(scenario_).value();
  ResolvedNames names_{scenario_, plan_, 0, IpVersion::v6};
  const std::string v4_ = R"({"domain":"n0.clean.lab.test","rank":0,"dip":"192.0.2.1"})";
  const std::string v6_ = R"({"domain":"n0.clean.lab.test","rank":0,"dip":"2001:db8::1"})";
};

TEST_F(ResolvedNamesTest, AsksForANameATarget) {
  std::string jobs;
  EXPECT_TRUE(names_.append_next(jobs));
  EXPECT_TRUE(names_.append_next(jobs));
  EXPECT_FALSE(names_.append_next(jobs));
  EXPECT_EQ("{\"domain\":\"n0.clean.lab.test\",\"rank\":0}\n{\"domain\":\"n1.clean.lab.test\",\"rank\":1}\n",
            jobs);
  EXPECT_EQ("[fd53:7069:6465:100::1]:53", names_.resolver());
}

TEST_F(ResolvedNamesTest, BothAddressesOnceAreRight) {
  names_.take(v6_);
  names_.take(v4_);
  EXPECT_THAT(names_.results(),
              ElementsAre(HasSubstr("dnsresolv.resolved"), HasSubstr("dnsresolv.unresolved")));
}

TEST_F(ResolvedNamesTest, OneAddressOrOneTwiceIsWrong) {
  names_.take(v4_);
  EXPECT_THAT(names_.results()[0], HasSubstr("dnsresolv.wrong"));
  names_.take(v6_);
  names_.take(v6_);
  EXPECT_THAT(names_.results()[0], HasSubstr("dnsresolv.wrong"));
}

TEST_F(ResolvedNamesTest, AnotherAddressOrNameIsWrong) {
  names_.take(R"({"domain":"n1.clean.lab.test","rank":0,"dip":"192.0.2.1"})");
  names_.take(R"({"domain":"n1.clean.lab.test","rank":1,"dip":"192.0.2.9"})");
  EXPECT_THAT(names_.results(), ElementsAre(HasSubstr("dnsresolv.wrong"), HasSubstr("dnsresolv.wrong")));
}

TEST_F(ResolvedNamesTest, ALineOfNoNameSpoilsAll) {
  names_.take(v4_);
  names_.take(v6_);
  names_.take("{}");
  EXPECT_THAT(names_.results(), ElementsAre(HasSubstr("dnsresolv.wrong"), HasSubstr("dnsresolv.wrong")));
}

}  // namespace
}  // namespace spiderling::lab
