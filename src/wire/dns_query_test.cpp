#include "spiderling/dns_query.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "spiderling/dns_builder.h"
#include "spiderling/headers/dns.h"

namespace spiderling {
namespace {

using Message = std::vector<std::uint8_t>;

constexpr std::uint16_t id = 0x1234;
constexpr std::uint16_t answering = dns_flag::response | dns_flag::recursion_available;

DnsQuery query(std::string_view domain = "www.example.org") { return *DnsQuery::make(domain, id); }

/// A response, of which a test says what is different.
struct Response {
  std::uint16_t number = id;
  std::uint16_t flags = answering;
  std::string name = "www.example.org";
  std::uint16_t type = dns_type::a;
  std::uint16_t klass = dns_class_in;
  int questions = 1;
  int addresses = 1;

  Message bytes() const {
    DnsBuffer<512> builder;
    builder.header(number, flags);
    for (int i = 0; i < questions; ++i) builder.question(name, type, klass);
    for (int i = 0; i < addresses; ++i)
      builder.address(DnsBuilder::Section::answer, name, *IpAddress::parse("192.0.2.1"), 60);
    const auto bytes = builder.finish();
    return {bytes->begin(), bytes->end()};
  }
};

bool answers(const Response& response) { return query().is_answered_by(response.bytes()); }

TEST(DnsQuery, AsksForTheAddressesOfADomain) {
  const auto asked = query();
  const auto message = DnsMessage::at(asked.bytes());
  ASSERT_TRUE(message && message->well_formed());
  EXPECT_EQ(message->id(), id);
  EXPECT_EQ(asked.id(), id);
  EXPECT_FALSE(message->is_response());
  EXPECT_TRUE(message->recursion_desired());
  ASSERT_EQ(message->question_count(), 1);
  EXPECT_EQ(message->questions().front().name(), "www.example.org");
  EXPECT_EQ(message->questions().front().type(), dns_type::a);
  EXPECT_EQ(message->additional_count(), 0);
}

TEST(DnsQuery, AsksForTheServersOfTheRootWhereThereIsNoDomain) {
  const auto asked = query("");
  const auto message = DnsMessage::at(asked.bytes());
  EXPECT_EQ(message->questions().front().name(), ".");
  EXPECT_EQ(message->questions().front().type(), dns_type::ns);
}

TEST(DnsQuery, WhatIsNoNameIsNoQuestion) {
  const std::string longest(63, 'a');
  EXPECT_TRUE(DnsQuery::make(longest + ".", id));
  EXPECT_FALSE(DnsQuery::make(longest + "a", id));
  EXPECT_FALSE(DnsQuery::make("a..b", id));
  EXPECT_FALSE(DnsQuery::make(".a", id));
  const std::string four = longest + "." + longest + "." + longest + "." + longest.substr(2);
  EXPECT_TRUE(DnsQuery::make(four, id)) << "255 bytes";
  EXPECT_EQ(DnsQuery::make(four, id)->bytes().size(), DnsQuery::max_size);
  EXPECT_FALSE(DnsQuery::make(four + "a", id)) << "256 bytes";
}

TEST(DnsQuery, AnyResponseCodeIsAnAnswer) {
  for (std::uint16_t code = 0; code < 16; ++code) {
    Response response;
    response.flags = answering | code;
    EXPECT_TRUE(answers(response)) << code;
    response.addresses = 0;
    EXPECT_TRUE(answers(response)) << code;
  }
  EXPECT_TRUE(answers({.flags = answering | dns_flag::truncated}));
  EXPECT_TRUE(answers({.name = "WWW.eXample.ORG"}));
}

TEST(DnsQuery, OtherMessagesAreNone) {
  EXPECT_FALSE(answers({.number = id + 1}));
  EXPECT_FALSE(answers({.flags = dns_flag::recursion_available})) << "a query";
  EXPECT_FALSE(answers({.flags = answering | 0x0800})) << "opcode 1";
  EXPECT_FALSE(answers({.name = "www.example.com"}));
  EXPECT_FALSE(answers({.name = "example.org"}));
  EXPECT_FALSE(answers({.type = dns_type::aaaa}));
  EXPECT_FALSE(answers({.klass = 3}));
  EXPECT_FALSE(answers({.questions = 2}));
  const auto own = query();
  EXPECT_FALSE(own.is_answered_by(own.bytes())) << "what was asked, sent back";
}

TEST(DnsQuery, OnlyAServerThatUnderstoodNothingLeavesOutTheQuestion) {
  for (std::uint16_t code = 0; code < 16; ++code) {
    Response response{.questions = 0, .addresses = 0};
    response.flags = answering | code;
    EXPECT_EQ(answers(response), code == 1 || code == 2 || code == 4 || code == 5) << code;
    response.addresses = 1;
    EXPECT_FALSE(answers(response)) << code;
  }
}

TEST(DnsQuery, WhatIsCutAnywhereIsNoAnswer) {
  const Message whole = Response().bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(query().is_answered_by(Bytes(whole.data(), size))) << size;
  }
  EXPECT_TRUE(query().is_answered_by(whole));
}

TEST(DnsQuery, CountsThatLieAreNoAnswer) {
  for (std::size_t section = 0; section < 4; ++section) {
    Message message = Response().bytes();
    message[4 + 2 * section] = 0xff;
    EXPECT_FALSE(query().is_answered_by(message)) << section;
  }
}

}  // namespace
}  // namespace spiderling
