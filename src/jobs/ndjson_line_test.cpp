#include "jobs/ndjson_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "jobs/job_fields.h"

namespace spiderling {
namespace {

using ::testing::HasSubstr;

Job job_of(std::string_view line) {
  NdjsonLine reader;
  auto job = reader.read(line);
  EXPECT_TRUE(job.has_value()) << line << ": " << job.error().reason;
  return job ? *job : Job{};
}

void expect_bad(std::string_view line, BadLineKind kind, std::string_view reason = "") {
  NdjsonLine reader;
  const auto job = reader.read(line);
  ASSERT_FALSE(job.has_value()) << line;
  EXPECT_EQ(name_of(job.error().kind), name_of(kind)) << line << ": " << job.error().reason;
  EXPECT_THAT(job.error().reason, HasSubstr(std::string(reason))) << line;
  EXPECT_EQ(job.error().reason.find('\n'), std::string::npos);
}

TEST(NdjsonLine, ReadsAddressPortAndDomain) {
  const Job job = job_of(R"({"dip": "192.0.2.80", "dp": 443, "domain": "www.example.org", "rank": 7})");
  EXPECT_EQ(job.dip, IpAddress::parse("192.0.2.80"));
  EXPECT_EQ(job.dp, 443);
  EXPECT_EQ(job.domain, "www.example.org");
  EXPECT_EQ(job.members, R"("dip": "192.0.2.80", "dp": 443, "domain": "www.example.org", "rank": 7)");
}

TEST(NdjsonLine, AnIPv6AddressIsEnough) {
  const Job job = job_of(R"( {"dip":"2001:db8::1"} )");
  EXPECT_EQ(job.dip, IpAddress::parse("2001:db8::1"));
  EXPECT_EQ(job.dp, std::nullopt);
  EXPECT_EQ(job.domain, "");
}

TEST(NdjsonLine, ADomainIsEnoughToo) {
  EXPECT_EQ(job_of(R"({"domain":"example.org"})").dip.version, IpVersion::none);
  EXPECT_EQ(job_of(R"({"dip":null,"dp":null,"domain":"example.org"})").members,
            R"("dip":null,"dp":null,"domain":"example.org")");
}

TEST(NdjsonLine, APortAsTextBecomesANumber) {
  const Job job = job_of(R"({"a":1,"dp":"80","dip":"192.0.2.1","b":[1, 2]})");
  EXPECT_EQ(job.dp, 80);
  EXPECT_EQ(job.members, R"("a":1,"dp":80,"dip":"192.0.2.1","b":[1, 2])");
}

TEST(NdjsonLine, WhatAResultSaysAnewIsLeftOut) {
  const Job job = job_of(
      R"({"sip":"192.0.2.9","dip":"192.0.2.1","path":["a",{"b":1}],"keep":{"x":[ ]},"time":{"from":"","to":""},)"
      R"("sip_public":1,"sip_asn":2,"conditions":["a"],"more":"é","flow_results":[],"missed_flows":0})");
  EXPECT_EQ(job.members, R"("dip":"192.0.2.1","keep":{"x":[ ]},"more":"é")");
  EXPECT_EQ(job_of(R"({"conditions":[],"domain":"d","path":[]})").members, R"("domain":"d")");
}

TEST(NdjsonLine, EscapesInNamesAndValuesAreUnderstood) {
  const Job job =
      job_of(R"({"\u0064ip":"192\u002e0.2.1","dom\u0061in":"ex\u0061mple","\u0073ip":1,"\u00e9":2})");
  EXPECT_EQ(job.dip, IpAddress::parse("192.0.2.1"));
  EXPECT_EQ(job.domain, "example");
  EXPECT_EQ(job.members, R"("\u0064ip":"192\u002e0.2.1","dom\u0061in":"ex\u0061mple","\u00e9":2)");
}

TEST(NdjsonLine, WhatItDoesNotUnderstandStaysAsItWasWritten) {
  const std::string members =
      R"("dip":"192.0.2.1","big":123456789012345678901234567890,"tiny":1E-999,"half":"\ud800","\udc00":"",)"
      R"("twice":1,"twice":2,"":null,"nested":{"dip":3,"dp":{"dp":"x"}})";
  EXPECT_EQ(job_of("{" + members + "}").members, members);
}

TEST(NdjsonLine, ACarriageReturnBetweenTokensEndsNobodysLine) {
  EXPECT_EQ(job_of("{\"dip\":\"192.0.2.1\",\r\"x\":[1,\r2]}\r").members,
            "\"dip\":\"192.0.2.1\", \"x\":[1, 2]");
}

TEST(NdjsonLine, RefusesWhatIsNoJob) {
  expect_bad("", BadLineKind::not_json);
  expect_bad("hello", BadLineKind::not_an_object);
  expect_bad("[]", BadLineKind::not_an_object);
  expect_bad("{}", BadLineKind::no_target);
  expect_bad(R"({"rank":1})", BadLineKind::no_target);
  expect_bad(R"({"domain":""})", BadLineKind::no_target);
  expect_bad(R"({"dip":"192.0.2.1")", BadLineKind::not_json);
  expect_bad(R"({"dip":"192.0.2.1"} {})", BadLineKind::not_json);
  expect_bad(R"({"dip":"192.0.2.1","x":tru})", BadLineKind::not_json);
  expect_bad(R"({"dip":"192.0.2.1","x":01})", BadLineKind::not_json);
  expect_bad(R"({"dip":"192.0.2.1","x":"\q"})", BadLineKind::not_json);
  expect_bad(R"({"dip":"192.0.2.1","\q":1})", BadLineKind::not_json);
  expect_bad("{\"dip\":\"192.0.2.1\",\"x\":\"\xff\"}", BadLineKind::not_utf8);
  expect_bad(std::string("\0\0\0", 3), BadLineKind::not_an_object);
  expect_bad(std::string("{\"dip\":\"192.0.2.1\0\"}", 20), BadLineKind::not_json);
}

TEST(NdjsonLine, RefusesBadAddresses) {
  expect_bad(R"({"dip":"www.example.org"})", BadLineKind::bad_address, "\"www.example.org\" is neither");
  expect_bad(R"({"dip":"192.0.2.256"})", BadLineKind::bad_address);
  expect_bad(R"({"dip":"192.0.2.1 "})", BadLineKind::bad_address);
  expect_bad(R"({"dip":"fe80::1%eth0"})", BadLineKind::bad_address);
  expect_bad(R"({"dip":"00:11:22:33:44:55"})", BadLineKind::bad_address);
  expect_bad(R"({"dip":"","domain":"d"})", BadLineKind::bad_address);
  expect_bad(R"({"dip":3221225985})", BadLineKind::bad_address, "is no text");
  expect_bad(R"({"dip":["192.0.2.1"]})", BadLineKind::bad_address);
  expect_bad(R"({"dip":"\ud800"})", BadLineKind::bad_address);
  expect_bad(R"({"dip":"\u001b[31m"})", BadLineKind::bad_address, R"(\u001b)");
}

TEST(NdjsonLine, RefusesBadPorts) {
  for (const char* port : {"0", "65536", "-1", "80.0", "8e1", "1e400", "\"http\"", "\"\"", "\"80 \"", "true",
                           "[80]", "99999999999999999999"})
    expect_bad(fmt::format(R"({{"dip":"192.0.2.1","dp":{}}})", port), BadLineKind::bad_port, "1 to 65535");
  EXPECT_EQ(job_of(R"({"dip":"192.0.2.1","dp":65535})").dp, 65535);
}

TEST(NdjsonLine, RefusesDomainsThatCouldEndALineOfAProtocol) {
  expect_bad(R"({"domain":"example.org\r\nX: y"})", BadLineKind::bad_domain);
  expect_bad(R"({"domain":"a b"})", BadLineKind::bad_domain);
  expect_bad(R"({"domain":"a\u007f"})", BadLineKind::bad_domain);
  expect_bad(R"({"domain":7})", BadLineKind::bad_domain);
  expect_bad(R"({"domain":")" + std::string(256, 'a') + R"("})", BadLineKind::bad_domain, "longer than 255");
  EXPECT_EQ(job_of(R"({"domain":"bücher.example"})").domain, "bücher.example");
}

TEST(NdjsonLine, RefusesAMemberOfOursThatComesTwice) {
  expect_bad(R"({"dip":"192.0.2.1","dip":"192.0.2.1"})", BadLineKind::twice, "dip comes twice");
  expect_bad(R"({"dip":"192.0.2.1","dp":1,"\u0064p":2})", BadLineKind::twice, "dp comes twice");
  expect_bad(R"({"domain":null,"domain":"d"})", BadLineKind::twice);
}

TEST(NdjsonLine, RefusesNestingBeyondItsLimit) {
  const auto nested = [](std::size_t levels) {
    return R"({"dip":"192.0.2.1","x":)" + std::string(levels, '[') + std::string(levels, ']') + "}";
  };
  job_of(nested(max_job_depth - 1));
  expect_bad(nested(max_job_depth), BadLineKind::too_deep);
  expect_bad(nested(5000), BadLineKind::too_deep);
}

TEST(JobMember, IsParsedOnDemand) {
  const Job job = job_of(
      R"({"dip":"192.0.2.1","rank":7,"x":{"y":[1,"two"]},"twice":1,"twice":2,"half":"\ud800","n\u0061me":1})");
  EXPECT_EQ(job.member("rank"), 7);
  EXPECT_EQ(job.member("dip"), "192.0.2.1");
  EXPECT_EQ(boost::json::serialize(job.member("x")), R"({"y":[1,"two"]})");
  EXPECT_EQ(job.member("twice"), 2);
  EXPECT_EQ(job.member("name"), 1);
  EXPECT_TRUE(job.member("half").is_null());
  EXPECT_TRUE(job.member("none").is_null());
  EXPECT_TRUE(Job{}.member("none").is_null());
}

// Cut and changed anywhere, a line gives a job whose members are JSON, or a reason.
TEST(NdjsonLine, AnyDamageGivesAJobOrAReason) {
  const std::string line =
      R"({"dip":"2001:db8::1","sip":[1,{"a":"b"}],"dp":"80","domain":"ex\u0061mple.org","x":{"y":[1.5e3,true,null,"\"\\"]}})";
  NdjsonLine reader;
  std::mt19937 random(7);
  std::size_t jobs = 0, faults = 0;
  for (int round = 0; round < 30'000; ++round) {
    std::string damaged = line.substr(0, random() % 8 == 0 ? random() % line.size() : line.size());
    for (std::size_t i = random() % 3 + 1; i > 0 && !damaged.empty(); --i) {
      char& victim = damaged[random() % damaged.size()];
      victim = random() % 2 == 0 ? "{}[]\",:\\ 0e"[random() % 11] : static_cast<char>(random());
    }
    const auto job = reader.read(damaged);
    (job ? jobs : faults) += 1;
    if (!job) {
      ASSERT_FALSE(job.error().reason.empty());
      continue;
    }
    boost::system::error_code problem;
    boost::json::parse("{" + job->members + "}", problem);
    ASSERT_FALSE(problem) << damaged << " -> " << job->members;
    ASSERT_TRUE(job->dip.version != IpVersion::none || !job->domain.empty());
  }
  EXPECT_GT(jobs, 1000u);
  EXPECT_GT(faults, 1000u);
}

}  // namespace
}  // namespace spiderling
