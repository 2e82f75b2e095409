#include "lab/job_list.h"

#include <gtest/gtest.h>

namespace spiderling::lab {
namespace {

Scenario two_hosts(std::uint32_t few, std::uint32_t many) {
  Scenario scenario;
  scenario.hosts.resize(2);
  scenario.hosts[0].name = "few";
  scenario.hosts[0].count = few;
  scenario.hosts[0].ipv6 = false;
  scenario.hosts[1].name = "many";
  scenario.hosts[1].count = many;
  scenario.hosts[1].port = 443;
  scenario.hosts[1].ipv4 = false;
  return scenario;
}

TEST(JobList, IsOneLineATarget) {
  const Scenario scenario = two_hosts(1, 2);
  const AddressPlan plan = AddressPlan::of(scenario).value();
  JobList jobs(scenario, plan);
  std::string text;
  while (jobs.append_next(text)) {
  }
  EXPECT_EQ(
      "{\"dip\":\"fd53:7069:6465:200::1\",\"dp\":443,\"domain\":\"many.lab.test\",\"lab_host\":\"many\"}\n"
      "{\"dip\":\"10.1.0.1\",\"dp\":80,\"domain\":\"few.lab.test\",\"lab_host\":\"few\"}\n"
      "{\"dip\":\"fd53:7069:6465:200::2\",\"dp\":443,\"domain\":\"many.lab.test\",\"lab_host\":\"many\"}\n",
      text);
}

TEST(JobList, MixesEvenly) {
  const Scenario scenario = two_hosts(10, 190);
  const AddressPlan plan = AddressPlan::of(scenario).value();
  JobList jobs(scenario, plan);
  for (int twentieth = 0; twentieth < 10; ++twentieth) {
    std::string text;
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(jobs.append_next(text));
    EXPECT_NE(std::string::npos, text.find("\"few\"")) << text;
    EXPECT_EQ(text.find("\"few\""), text.rfind("\"few\"")) << text;
  }
  std::string rest;
  EXPECT_FALSE(jobs.append_next(rest));
  EXPECT_EQ("", rest);
}

}  // namespace
}  // namespace spiderling::lab
