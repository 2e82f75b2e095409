#include "spiderling/headers/dns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "spiderling/dns_builder.h"
#include "wire/testing.h"

namespace spiderling {
namespace {

using testing::as_text;
using ::testing::ElementsAreArray;
using testing::ExactCopy;
using testing::hex;
using Section = DnsBuilder::Section;

// The compression example of RFC 1035, section 4.1.4: F.ISI.ARPA at 20, FOO.F.ISI.ARPA at 40, ARPA at 64, the
// root at 92; what lies between is filled with ones.
std::vector<std::uint8_t> example_of_rfc1035() {
  std::vector<std::uint8_t> message(93, 0xff);
  const auto put = [&](std::size_t at, std::string_view bytes) {
    const auto decoded = hex(bytes);
    std::copy(decoded.begin(), decoded.end(), message.begin() + static_cast<std::ptrdiff_t>(at));
  };
  put(20, "01 46 03 495349 04 41525041 00");
  put(40, "03 464f4f c014");
  put(64, "c01a");
  put(92, "00");
  return message;
}

TEST(DnsName, ExampleOfRfc1035) {
  const auto message = example_of_rfc1035();
  EXPECT_EQ(DnsName::at(message, 20)->text(), "F.ISI.ARPA");
  EXPECT_EQ(DnsName::at(message, 20)->size_in_place(), 12u);
  EXPECT_EQ(DnsName::at(message, 40)->text(), "FOO.F.ISI.ARPA");
  EXPECT_EQ(DnsName::at(message, 40)->size_in_place(), 6u);
  EXPECT_EQ(DnsName::at(message, 64)->text(), "ARPA");
  EXPECT_EQ(DnsName::at(message, 64)->size_in_place(), 2u);
  EXPECT_EQ(DnsName::at(message, 92)->text(), ".");
  EXPECT_EQ(DnsName::at(message, 92)->size_in_place(), 1u);
  EXPECT_EQ(DnsName().text(), "");
}

TEST(DnsName, OddBytesAreEscaped) {
  auto message = hex("000000000000000000000000 06 612e62 5c 20 ff 01 21 00");
  EXPECT_EQ(DnsName::at(message, 12)->text(), "a\\.b\\\\\\032\\255.!");
}

TEST(DnsName, LoopsAndForwardPointersAreRefused) {
  const std::string_view header = "000000000000000000000000";
  const auto at_12 = [&](std::string_view rest) {
    return DnsName::at(hex(std::string(header).append(rest)), 12);
  };
  EXPECT_FALSE(at_12("c00c"));       // to itself
  EXPECT_FALSE(at_12("0161 c00c"));  // to its own beginning
  EXPECT_FALSE(at_12("c00e c00c"));  // forwards, and back
  EXPECT_FALSE(at_12("c00e 00"));    // forwards
  EXPECT_FALSE(at_12("c000"));       // into the header
  EXPECT_FALSE(at_12("c0"));         // cut
  EXPECT_FALSE(at_12("0161"));       // no end
  EXPECT_FALSE(at_12("0561"));       // a label that is cut
  EXPECT_FALSE(at_12("4061 00"));    // label kinds 01 and 10
  EXPECT_FALSE(at_12("8061 00"));
  EXPECT_FALSE(at_12(""));
  EXPECT_FALSE(DnsName::at(hex(header), 5000));
  // Two names that point to each other: the second may point back, the first may not point ahead.
  const auto both = hex("000000000000000000000000 0161 c010 0162 c00c");
  EXPECT_FALSE(DnsName::at(both, 12));
  EXPECT_FALSE(DnsName::at(both, 16));
}

TEST(DnsName, AtMost255Bytes) {
  const auto name_of = [](std::size_t last_label) {
    std::vector<std::uint8_t> message(12);
    for (const std::size_t size : {std::size_t{63}, std::size_t{63}, std::size_t{63}, last_label}) {
      message.push_back(static_cast<std::uint8_t>(size));
      message.insert(message.end(), size, 'x');
    }
    message.push_back(0);
    return message;
  };
  const auto longest = name_of(61);
  ASSERT_TRUE(DnsName::at(longest, 12));
  EXPECT_EQ(DnsName::at(longest, 12)->size_in_place(), 255u);
  EXPECT_FALSE(DnsName::at(name_of(62), 12));
}

TEST(DnsName, TheLongestTextFits) {
  std::vector<std::uint8_t> message(12);
  for (const std::uint8_t size : {std::uint8_t{63}, std::uint8_t{63}, std::uint8_t{63}, std::uint8_t{61}}) {
    message.push_back(size);
    message.insert(message.end(), size, 0xfe);
  }
  message.push_back(0);
  EXPECT_EQ(DnsName::at(message, 12)->text().size(), 250u * 4 + 3);
  EXPECT_LE(DnsName::at(message, 12)->text().size(), max_dns_name_text);
}

TEST(DnsName, PointersToPointersAreBounded) {
  std::vector<std::uint8_t> message(13);
  for (std::size_t i = 0; i < 1000; ++i) {
    const std::size_t target = i == 0 ? 12 : 13 + 2 * (i - 1);
    message.push_back(static_cast<std::uint8_t>(0xc0 | target >> 8));
    message.push_back(static_cast<std::uint8_t>(target));
  }
  EXPECT_TRUE(DnsName::at(message, 13 + 2 * 126));
  EXPECT_FALSE(DnsName::at(message, 13 + 2 * 127));
}

// A response to "A for www.example.com", written out by hand.
const char* const response =
    "1a2b 8180 0001 0002 0001 0001"
    "03777777 076578616d706c65 03636f6d 00 0001 0001"
    "c00c 0005 0001 00000e10 0008 05 6f74686572 c010"  // CNAME other.example.com
    "c02d 0001 0001 0000003c 0004 c0000201"            // A 192.0.2.1
    "c010 0002 0001 00015180 0005 02 6e73 c010"        // NS ns.example.com
    "00 0029 04d0 00000000 0000";                      // OPT

TEST(DnsMessage, EverySectionOfAResponse) {
  const auto bytes = hex(response);
  const auto message = DnsMessage::at(bytes);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->well_formed());
  EXPECT_EQ(message->id(), 0x1a2b);
  EXPECT_TRUE(message->is_response());
  EXPECT_EQ(message->opcode(), 0);
  EXPECT_EQ(message->rcode(), 0);
  EXPECT_TRUE(message->recursion_desired());
  EXPECT_TRUE(message->recursion_available());
  EXPECT_FALSE(message->is_authoritative());
  EXPECT_FALSE(message->is_truncated());

  EXPECT_EQ(message->questions().front().name(), "www.example.com");
  EXPECT_EQ(message->questions().front().type(), dns_type::a);
  EXPECT_EQ(message->questions().front().klass(), 1);

  std::vector<std::string> names;
  for (const DnsRecord& record : message->answers()) names.push_back(record.name());
  EXPECT_THAT(names, ElementsAreArray({"www.example.com", "other.example.com"}));
  const DnsRecord cname = message->answers().front();
  EXPECT_EQ(cname.type(), dns_type::cname);
  EXPECT_EQ(cname.ttl(), 3600u);
  EXPECT_EQ(cname.target()->text(), "other.example.com");
  EXPECT_FALSE(cname.address());
  const DnsRecord a = *++message->answers().begin();
  EXPECT_EQ(a.address(), IpAddress::parse("192.0.2.1"));
  EXPECT_EQ(a.data().size(), 4u);
  EXPECT_FALSE(a.target());

  EXPECT_EQ(message->authorities().front().target()->text(), "ns.example.com");
  EXPECT_EQ(message->additionals().front().type(), dns_type::opt);
  EXPECT_EQ(message->additionals().front().klass(), 1232);
  EXPECT_EQ(message->additionals().front().name(), ".");
}

TEST(DnsMessage, EveryPrefixIsBoundedAndMalformed) {
  const auto bytes = hex(response);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const ExactCopy copy(Bytes(bytes).first(size));
    const auto message = DnsMessage::at(copy.bytes());
    ASSERT_EQ(message.has_value(), size >= 12);
    if (!message) continue;
    EXPECT_FALSE(message->well_formed()) << size;
    for (const DnsQuestion& question : message->questions()) EXPECT_EQ(question.name(), "www.example.com");
    for (const DnsRecord& record : message->additionals()) ADD_FAILURE() << record.name();
  }
}

TEST(DnsMessage, TrailingBytesAreTolerated) {
  auto bytes = hex(response);
  bytes.push_back(0);
  EXPECT_TRUE(DnsMessage::at(bytes)->well_formed());
}

TEST(DnsMessage, OnlyAHeader) {
  const auto bytes = hex("0001 0100 0000 0000 0000 0000");
  const auto message = DnsMessage::at(bytes);
  EXPECT_TRUE(message->well_formed());
  EXPECT_TRUE(message->questions().empty());
  EXPECT_EQ(message->questions().front().name(), "");
  EXPECT_TRUE(message->additionals().empty());
  EXPECT_FALSE(message->is_response());
}

TEST(DnsMessage, CountsThatLie) {
  const auto bytes = hex("0001 8000 ffff ffff ffff ffff 00 0001 0001");
  const auto message = DnsMessage::at(bytes);
  EXPECT_FALSE(message->well_formed());
  int questions = 0;
  for (const DnsQuestion& question : message->questions()) questions += question.name() == "." ? 1 : 0;
  EXPECT_EQ(questions, 1);
  EXPECT_TRUE(message->answers().empty());
  EXPECT_TRUE(message->authorities().empty());
}

TEST(DnsMessage, ATargetMayNotRunOutOfItsRecord) {
  // The NS record's data is two bytes, its name would go on into the next one.
  const auto bytes = hex("0001 8000 0000 0001 0000 0000 00 0002 0001 00000000 0002 0361 6263 00");
  const auto message = DnsMessage::at(bytes);
  ASSERT_FALSE(message->answers().empty());
  EXPECT_FALSE(message->answers().front().target());
}

TEST(DnsBuilder, AQueryAsItIsOnTheWire) {
  DnsBuffer<512> dns;
  const auto bytes =
      dns.header(0x1a2b, dns_flag::recursion_desired).question("example.org.", dns_type::aaaa).finish();
  EXPECT_THAT(*bytes,
              ElementsAreArray(hex("1a2b 0100 0001 0000 0000 0000 076578616d706c65 036f7267 00 001c 0001")));
}

TEST(DnsBuilder, BuildsTheResponseAbove) {
  DnsBuffer<512> dns;
  const auto bytes =
      dns.header(0x1a2b, dns_flag::response | dns_flag::recursion_desired | dns_flag::recursion_available)
          .question("www.example.com", dns_type::a)
          .pointer(Section::answer, "www.example.com", dns_type::cname, "other.example.com", 3600)
          .address(Section::answer, "other.example.com", *IpAddress::parse("192.0.2.1"), 60)
          .pointer(Section::authority, "example.com", dns_type::ns, "ns.example.com", 86400)
          .edns(1232)
          .finish();
  EXPECT_THAT(*bytes, ElementsAreArray(hex(response)));
}

TEST(DnsBuilder, ReadsBackEveryNameItWrites) {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    DnsBuffer<4096> dns;
    std::vector<std::string> names;
    for (int i = 0; i < 12; ++i) {
      // From few labels, so that tails are shared; any byte in some of them.
      std::string name;
      for (std::size_t labels = random() % 5; labels > 0; --labels) {
        static const char* const choices[] = {"a", "example", "com", "a\\.b", "\\000\\255", "Com"};
        name.append(name.empty() ? "" : ".").append(choices[random() % 6]);
      }
      names.push_back(name.empty() ? "." : name);
      dns.question(names.back(), dns_type::a);
    }
    const auto bytes = dns.finish();
    ASSERT_TRUE(bytes);
    const auto message = DnsMessage::at(*bytes);
    ASSERT_TRUE(message->well_formed());
    std::vector<std::string> read;
    for (const DnsQuestion& question : message->questions()) read.push_back(question.name());
    ASSERT_EQ(read, names);
  }
}

TEST(DnsBuilder, BadNamesAreValues) {
  DnsBuffer<512> dns;
  for (const std::string& name :
       {std::string("a..b"), std::string(".a"), std::string(64, 'x'), std::string("a\\"),
        std::string("a\\25"), std::string("a\\256"), std::string(300, '.')}) {
    EXPECT_EQ(dns.clear().question(name, 1).finish().error(), BuildError::bad_options) << name;
  }
  const std::string label = std::string(63, 'x') + '.';
  EXPECT_TRUE(dns.clear().question(label + label + label + std::string(61, 'x'), 1).finish());
  EXPECT_FALSE(dns.clear().question(label + label + label + std::string(62, 'x'), 1).finish());
}

TEST(DnsBuilder, OverflowIsAValue) {
  DnsBuffer<20> dns;
  EXPECT_EQ(dns.question("example.org", 1).finish().error(), BuildError::overflow);
  EXPECT_EQ(DnsBuilder({}).header(1, 2).finish().error(), BuildError::overflow);
}

TEST(DnsBuilder, MayLieAboutItsCounts) {
  DnsBuffer<512> dns;
  const auto bytes = dns.question(".", 1).override_count(1, 5).finish();
  EXPECT_EQ(DnsMessage::at(*bytes)->answer_count(), 5);
  EXPECT_FALSE(DnsMessage::at(*bytes)->well_formed());
}

}  // namespace
}  // namespace spiderling
