#include "jobs/csv_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spiderling {
namespace {

using ::testing::HasSubstr;

std::string members_of(std::string_view line) {
  CsvLine reader;
  const auto job = reader.read(line);
  return job ? job->members : job.error().reason;
}

void expect_bad(std::string_view line, BadLineKind kind) {
  CsvLine reader;
  const auto job = reader.read(line);
  ASSERT_FALSE(job.has_value()) << line << " gave " << job->members;
  EXPECT_EQ(name_of(job.error().kind), name_of(kind)) << line << ": " << job.error().reason;
}

TEST(CsvLine, TwoColumnsAreRankAndDomain) {
  CsvLine reader;
  const auto job = reader.read("12,example.org");
  ASSERT_TRUE(job.has_value());
  EXPECT_EQ(job->domain, "example.org");
  EXPECT_EQ(job->dip.version, IpVersion::none);
  EXPECT_EQ(job->members, R"("domain":"example.org","rank":12)");
}

TEST(CsvLine, ThreeColumnsAreAddressPortAndDomain) {
  CsvLine reader;
  const auto job = reader.read("2001:db8::1,443,example.org");
  ASSERT_TRUE(job.has_value());
  EXPECT_EQ(job->dip, IpAddress::parse("2001:db8::1"));
  EXPECT_EQ(job->dp, 443);
  EXPECT_EQ(job->domain, "example.org");
  EXPECT_EQ(job->members, R"("dip":"2001:db8::1","dp":443,"domain":"example.org")");
}

TEST(CsvLine, FourColumnsHaveTheRankLast) {
  EXPECT_EQ(members_of("192.0.2.1,080,example.org,0"),
            R"("dip":"192.0.2.1","dp":80,"domain":"example.org","rank":0)");
}

TEST(CsvLine, EmptyColumnsAreAsIfTheyWereNotThere) {
  EXPECT_EQ(members_of("192.0.2.1,,"), R"("dip":"192.0.2.1")");
  EXPECT_EQ(members_of(",,example.org,"), R"("domain":"example.org")");
  EXPECT_EQ(members_of(",example.org"), R"("domain":"example.org")");
  expect_bad(",,", BadLineKind::no_target);
  expect_bad(",", BadLineKind::no_target);
}

TEST(CsvLine, ColumnsMayBeQuoted) {
  EXPECT_EQ(members_of(R"("192.0.2.1","80","example.org","7")"), members_of("192.0.2.1,80,example.org,7"));
  EXPECT_EQ(members_of(R"(1,"a,""b""\")"), R"("domain":"a,\"b\"\\","rank":1)");
  EXPECT_EQ(members_of(R"("",example.org)"), R"("domain":"example.org")");
  expect_bad(R"("192.0.2.1,80,example.org)", BadLineKind::wrong_columns);
  expect_bad(R"("192.0.2.1"x,80,example.org)", BadLineKind::wrong_columns);
  expect_bad(R"(192.0.2.1,80,exa"mple)", BadLineKind::wrong_columns);
  expect_bad(R"(1,")", BadLineKind::wrong_columns);
}

TEST(CsvLine, RefusesHeadersAndOtherNumbersOfColumns) {
  expect_bad("rank,domain", BadLineKind::bad_rank);
  expect_bad("dip,dp,domain", BadLineKind::bad_address);
  expect_bad("dip,dp,domain,rank", BadLineKind::bad_address);
  expect_bad("example.org", BadLineKind::wrong_columns);
  expect_bad("192.0.2.1,80,example.org,1,", BadLineKind::wrong_columns);
  expect_bad(std::string(100'000, ','), BadLineKind::wrong_columns);
}

TEST(CsvLine, RefusesBadValues) {
  expect_bad("192.0.2,80,example.org", BadLineKind::bad_address);
  expect_bad("192.0.2.1,0,example.org", BadLineKind::bad_port);
  expect_bad("192.0.2.1,http,example.org", BadLineKind::bad_port);
  expect_bad("192.0.2.1,80, example.org", BadLineKind::bad_domain);
  expect_bad(std::string("1,a\0b", 5), BadLineKind::bad_domain);
  expect_bad("1.5,example.org", BadLineKind::bad_rank);
  expect_bad("-1,example.org", BadLineKind::bad_rank);
  expect_bad("01,example.org", BadLineKind::bad_rank);
  expect_bad("1234567890123456789,example.org", BadLineKind::bad_rank);
  expect_bad(
      "1,ex\xff"
      "ample",
      BadLineKind::not_utf8);
  EXPECT_THAT(members_of("x,example.org"), HasSubstr("rank \"x\" is no number"));
}

}  // namespace
}  // namespace spiderling
