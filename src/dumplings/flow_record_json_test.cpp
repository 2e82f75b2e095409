#include "dumplings/flow_record_json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "dumplings/test_json.h"
#include "flows/test_foreign_chain.h"

namespace spiderling {
namespace {

using testing::Json;
using testing::violation;

#define SPIDERLING_LONG_NAME \
  "a_name_that_is_much_longer_than_the_room_that_a_step_has_for_its_label_so_that_it_is_kept_apart"

// A field of every type, as it is and as a Maybe.
struct Everything {
  static constexpr const char* name = "everything";
  static constexpr const char* description = "Every type of field";
  struct State {
    bool b = false;
    std::uint8_t u8 = 0;
    std::uint16_t u16 = 0;
    std::uint32_t u32 = 0;
    std::uint64_t u64 = 0;
    std::int64_t i64 = 0;
    double f64 = 0;
    IpAddress address;
    Maybe<bool> maybe_b;
    Maybe<std::uint8_t> maybe_u8;
    Maybe<std::uint16_t> maybe_u16;
    Maybe<std::uint32_t> maybe_u32;
    Maybe<std::uint64_t> maybe_u64;
    Maybe<std::int64_t> maybe_i64;
    Maybe<double> maybe_f64;
    Maybe<IpAddress> maybe_address;
    std::uint64_t far = 0;
  };
  static void fields(FieldList& list, const State& s) {
    list.add("b", s.b, "yes or no");
    list.add("u8", s.u8, "8 bits");
    list.add("u16", s.u16, "16 bits");
    list.add("u32", s.u32, "32 bits");
    list.add("u64", s.u64, "64 bits");
    list.add("i64", s.i64, "64 bits with a sign");
    list.add("f64", s.f64, "a double");
    list.add("address", s.address, "an address");
    list.add("maybe_b", s.maybe_b, "or null");
    list.add("maybe_u8", s.maybe_u8, "or null");
    list.add("maybe_u16", s.maybe_u16, "or null");
    list.add("maybe_u32", s.maybe_u32, "or null");
    list.add("maybe_u64", s.maybe_u64, "or null");
    list.add("maybe_i64", s.maybe_i64, "or null");
    list.add("maybe_f64", s.maybe_f64, "or null");
    list.add("maybe_address", s.maybe_address, "or null");
    list.add(SPIDERLING_LONG_NAME, s.far, "with \"quotes\", a \\ and a\nnew line in its meaning");
  }
};

ChainSet chain_set() {
  const std::vector<const ChainDescription*> chains{&describe_chain<Everything>()};
  return *ChainSet::make(chains);
}

Timestamp at(std::int64_t ns) { return Timestamp(std::chrono::nanoseconds(ns)); }

class FlowRecordJsonTest : public ::testing::Test {
 protected:
  std::string text_of(const Everything::State& state, std::int64_t first = 0, std::int64_t last = 0) const {
    std::string text = "before";
    json.append({at(first), at(last), reinterpret_cast<const std::uint8_t*>(&state), nullptr}, text);
    EXPECT_TRUE(text.starts_with("before"));
    text.erase(0, 6);
    EXPECT_LE(text.size(), json.max_record_bytes());
    EXPECT_TRUE(text.ends_with("}\n"));
    EXPECT_EQ(text.find('\n'), text.size() - 1) << "one record a line";
    return text;
  }
  Json record_of(const Everything::State& state) const {
    const auto record = Json::parse(text_of(state));
    EXPECT_TRUE(record.has_value()) << text_of(state);
    if (!record) return {};
    const auto schema = Json::parse(flow_record_schema(chains));
    EXPECT_TRUE(schema.has_value());
    EXPECT_EQ(violation(*schema, *record), "");
    return *record;
  }
  const ChainSet chains = chain_set();
  const FlowRecordJson json{chains};
};

TEST_F(FlowRecordJsonTest, WritesTheFieldsInTheirOrderBetweenTheTimes) {
  EXPECT_EQ(text_of({}, 1'500'000'000'123'456'789, 1'500'000'001'000'000'000),
            "{\"pkt_first\":1500000000.123456789,\"b\":false,\"u8\":0,\"u16\":0,\"u32\":0,\"u64\":0,\"i64\":"
            "0,\"f64\":0,"
            "\"address\":null,\"maybe_b\":null,\"maybe_u8\":null,\"maybe_u16\":null,\"maybe_u32\":null,"
            "\"maybe_u64\":null,\"maybe_i64\":null,\"maybe_f64\":null,\"maybe_address\":null,"
            "\"" SPIDERLING_LONG_NAME "\":0,\"pkt_last\":1500000001.0}\n");
}

TEST_F(FlowRecordJsonTest, WritesTheLargestAndLongestOfEveryType) {
  Everything::State s;
  s.b = true;
  s.u8 = 255;
  s.u16 = 65535;
  s.u32 = std::numeric_limits<std::uint32_t>::max();
  s.u64 = s.far = std::numeric_limits<std::uint64_t>::max();
  s.i64 = std::numeric_limits<std::int64_t>::min();
  s.f64 = -std::numeric_limits<double>::denorm_min() * 3;
  s.address = *IpAddress::parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  s.maybe_b = false;
  s.maybe_u8 = std::uint8_t{0};
  s.maybe_u16 = std::uint16_t{10};
  s.maybe_u32 = std::uint32_t{9};
  s.maybe_u64 = std::uint64_t{100};
  s.maybe_i64 = std::numeric_limits<std::int64_t>::max();
  s.maybe_f64 = -1.7976931348623157e308;
  s.maybe_address = *IpAddress::parse("192.0.2.1");
  const Json record = record_of(s);
  EXPECT_EQ(record["b"], "true");
  EXPECT_EQ(record["u8"], "255");
  EXPECT_EQ(record["u16"], "65535");
  EXPECT_EQ(record["u32"], "4294967295");
  EXPECT_EQ(record["u64"], "18446744073709551615");
  EXPECT_EQ(record["i64"], "-9223372036854775808");
  EXPECT_EQ(record.find("f64")->as_double(), s.f64);
  EXPECT_EQ(record["address"], "\"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\"");
  EXPECT_EQ(record["maybe_b"], "false");
  EXPECT_EQ(record["maybe_u8"], "0");
  EXPECT_EQ(record["maybe_u16"], "10");
  EXPECT_EQ(record["maybe_u32"], "9");
  EXPECT_EQ(record["maybe_u64"], "100");
  EXPECT_EQ(record["maybe_i64"], "9223372036854775807");
  EXPECT_EQ(record.find("maybe_f64")->as_double(), s.maybe_f64.value);
  EXPECT_EQ(record["maybe_address"], "\"192.0.2.1\"");
  EXPECT_EQ(record[SPIDERLING_LONG_NAME], "18446744073709551615");
}

TEST_F(FlowRecordJsonTest, NumbersThatJSONDoesNotHaveAreNull) {
  Everything::State s;
  s.f64 = std::numeric_limits<double>::quiet_NaN();
  s.maybe_f64 = std::numeric_limits<double>::infinity();
  EXPECT_EQ(record_of(s)["f64"], "null");
  EXPECT_EQ(record_of(s)["maybe_f64"], "null");
  s.f64 = -std::numeric_limits<double>::infinity();
  EXPECT_EQ(record_of(s)["f64"], "null");
}

TEST_F(FlowRecordJsonTest, DoublesComeBackAsTheyWere) {
  Everything::State s;
  for (const double value : {0.1, -0.0, 1e22, 1e-7, 5e-324, 1.0 / 3.0, 123456789.123456789}) {
    s.f64 = value;
    EXPECT_EQ(record_of(s).find("f64")->as_double(), value);
  }
}

// Whatever a state holds, the bound holds, the line parses, and it is what the schema says.
TEST_F(FlowRecordJsonTest, RandomStatesGiveValidRecords) {
  std::mt19937_64 random(5);
  const auto schema = Json::parse(flow_record_schema(chains));
  ASSERT_TRUE(schema.has_value());
  for (int i = 0; i < 3000; ++i) {
    Everything::State s;
    const auto fill = [&](auto& member) {
      const std::uint64_t bits = random() >> random() % 64;
      std::memcpy(&member, &bits, std::min(sizeof member, sizeof bits));
    };
    s.b = random() % 2 != 0;
    fill(s.u8), fill(s.u16), fill(s.u32), fill(s.u64), fill(s.i64), fill(s.f64), fill(s.far);
    for (auto& byte : s.address.bytes) byte = static_cast<std::uint8_t>(random() % 3 == 0 ? random() : 0);
    s.address.version = random() % 2 == 0 ? IpVersion::v6 : IpVersion::v4;
    s.maybe_address = s.address;
    if (random() % 2 == 0) s.maybe_u32 = s.u32;
    if (random() % 2 == 0) s.maybe_i64 = s.i64;
    if (random() % 2 == 0) s.maybe_f64 = s.f64;
    const auto record = Json::parse(text_of(s, s.i64, static_cast<std::int64_t>(random())));
    ASSERT_TRUE(record.has_value());
    ASSERT_EQ(violation(*schema, *record), "");
  }
}

TEST_F(FlowRecordJsonTest, AppendsRecordAfterRecord) {
  std::string text;
  const Everything::State state;
  for (int i = 0; i < 3; ++i)
    json.append({at(i), at(i), reinterpret_cast<const std::uint8_t*>(&state), nullptr}, text);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
}

TEST(FlowRecordJson, WithoutChainsHasTheTimesAlone) {
  const ChainSet none = *ChainSet::make({});
  const FlowRecordJson json(none);
  std::string text;
  json.append({at(-1), at(1'000), nullptr, nullptr}, text);
  EXPECT_EQ(text, "{\"pkt_first\":-0.000000001,\"pkt_last\":0.000001}\n");
  EXPECT_LE(text.size(), json.max_record_bytes());
}

TEST(FlowRecordJson, TheLongestTimesFit) {
  const ChainSet none = *ChainSet::make({});
  const FlowRecordJson json(none);
  std::string text;
  const auto least = at(std::numeric_limits<std::int64_t>::min());
  json.append({least, least, nullptr, nullptr}, text);
  EXPECT_EQ(text, "{\"pkt_first\":-9223372036.854775808,\"pkt_last\":-9223372036.854775808}\n");
  EXPECT_LE(text.size(), json.max_record_bytes());
}

TEST(WriteSeconds, IsExactAndNoLongerThanNeeded) {
  const auto text = [](std::int64_t ns) {
    char room[64];
    return std::string(room, write_seconds(at(ns), room));
  };
  EXPECT_EQ(text(0), "0.0");
  EXPECT_EQ(text(1), "0.000000001");
  EXPECT_EQ(text(10), "0.00000001");
  EXPECT_EQ(text(1'000), "0.000001");
  EXPECT_EQ(text(100'000'000), "0.1");
  EXPECT_EQ(text(1'000'000'000), "1.0");
  EXPECT_EQ(text(1'000'000'001), "1.000000001");
  EXPECT_EQ(text(1'492'539'365'719'133'000), "1492539365.719133");
  EXPECT_EQ(text(1'492'539'365'700'000'000), "1492539365.7");
  EXPECT_EQ(text(-1), "-0.000000001");
  EXPECT_EQ(text(-1'500'000'000), "-1.5");
  EXPECT_EQ(text(std::numeric_limits<std::int64_t>::max()), "9223372036.854775807");
  EXPECT_EQ(text(std::numeric_limits<std::int64_t>::min()), "-9223372036.854775808");
}

TEST(WriteSeconds, ComesBackToTheNanosecond) {
  std::mt19937_64 random(6);
  for (int i = 0; i < 20'000; ++i) {
    const auto ns = static_cast<std::int64_t>(random() >> random() % 63);
    char room[64];
    const std::string text(room, write_seconds(at(ns), room));
    const std::size_t point = text.find('.');
    ASSERT_NE(point, std::string::npos);
    const bool negative = text[0] == '-';
    std::string digits =
        text.substr(negative, point - negative) + (text.substr(point + 1) + "000000000").substr(0, 9);
    std::uint64_t back = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), back);
    ASSERT_EQ(negative ? -back : back, static_cast<std::uint64_t>(ns)) << text;
    ASSERT_TRUE(text.back() != '0' || text[point + 2] == '\0') << text << " has a zero too many";
  }
}

TEST(FlowRecordSchema, IsJSONAndTellsTypesBoundsAndMeanings) {
  const ChainSet chains = chain_set();
  const auto schema = Json::parse(flow_record_schema(chains));
  ASSERT_TRUE(schema.has_value()) << flow_record_schema(chains);
  EXPECT_EQ((*schema)["$schema"], "\"https://json-schema.org/draft/2020-12/schema\"");
  const Json* properties = schema->find("properties");
  ASSERT_NE(properties, nullptr);
  EXPECT_EQ(properties->members.size(), 20u);  // with failed_chains, which is not required
  EXPECT_EQ(schema->find("required")->items.size(), 19u);
  const Json& u16 = *properties->find("u16");
  EXPECT_EQ(u16["type"], "\"integer\"");
  EXPECT_EQ(u16["maximum"], "65535");
  EXPECT_EQ(u16["description"], "\"16 bits\"");
  EXPECT_EQ(properties->find("maybe_b")->find("type")->items.size(), 2u);
  EXPECT_EQ((*properties->find(SPIDERLING_LONG_NAME))["description"],
            "\"with \"quotes\", a \\ and a new line in its meaning\"");
}

TEST(FlowRecordSchema, RefusesWhatIsNotARecordOfItsChains) {
  const auto schema = Json::parse(flow_record_schema(*ChainSet::make({})));
  ASSERT_TRUE(schema.has_value());
  const auto wrong = [&](std::string_view text) { return violation(*schema, *Json::parse(text)); };
  EXPECT_EQ(wrong(R"({"pkt_first":1.5,"pkt_last":2})"), "");
  EXPECT_NE(wrong(R"({"pkt_first":1.5})"), "");
  EXPECT_NE(wrong(R"({"pkt_first":"1.5","pkt_last":2})"), "");
  EXPECT_NE(wrong(R"({"pkt_first":1.5,"pkt_last":2,"more":3})"), "");
  EXPECT_NE(wrong("[]"), "");
}

struct Before {
  static constexpr const char* name = "before";
  static constexpr const char* description = "Stands before a foreign chain";
  struct State {
    std::uint8_t value = 7;
  };
  static void fields(FieldList& list, const State& s) { list.add("before_value", s.value, "a byte"); }
};

TEST(ForeignFlowRecordJson, ForeignChainsSayTheirsInTheirPlace) {
  const auto tally = std::make_shared<testing::Tally>();
  tally->text_ = std::string(1 << 20, '1');  // far more than a record of bounded fields can have
  const ChainDescription foreign = testing::Tally::description(tally);
  const std::vector<const ChainDescription*> chains{&describe_chain<Before>(), &foreign,
                                                    &describe_chain<Everything>()};
  const ChainSet set = *ChainSet::make(chains);
  const FlowRecordJson json(set);
  EXPECT_FALSE(json.is_bounded());

  std::vector<std::uint8_t> states = set.blank_states();
  std::string text;
  json.append({at(0), at(1), states.data(), nullptr}, text);
  EXPECT_TRUE(text.starts_with(R"({"pkt_first":0.0,"before_value":7,"tally_hooks":null,"b":false,)")) << text;
  const auto plain = Json::parse(text);
  ASSERT_TRUE(plain.has_value()) << text;
  const auto schema = Json::parse(flow_record_schema(set));
  ASSERT_TRUE(schema.has_value());
  EXPECT_EQ(violation(*schema, *plain), "");

  tally->entries_[1] = {1, 42, true};
  const testing::Tally::State state{tally.get(), 1};
  std::memcpy(states.data() + set.foreign()[0].state_offset, &state, sizeof state);
  text.clear();
  json.append_members({at(0), at(1), states.data(), nullptr}, text);
  EXPECT_TRUE(text.starts_with(R"("pkt_first":0.0,"before_value":7,"tally_hooks":42,"tally_more":[11)"));
  EXPECT_TRUE(text.ends_with(R"(,"pkt_last":0.000000001)"));
  EXPECT_GT(text.size(), std::size_t{1} << 20);
  const auto more = Json::parse("{" + text + "}");
  ASSERT_TRUE(more.has_value());
  EXPECT_EQ(violation(*schema, *more), "");
}

TEST(FlowRecordJson, ChainsThatFailedAreNamedBehindTheTimes) {
  const std::vector<const ChainDescription*> both{&describe_chain<Before>(), &describe_chain<Everything>()};
  const ChainSet chains = *ChainSet::make(both);
  const FlowRecordJson json(chains);
  const auto with = [&](std::initializer_list<std::size_t> failed) {
    FlowRecord record{at(0), at(1), chains.blank_states().data(), nullptr};
    for (const std::size_t chain : failed) record.failed.add(chain);
    std::string text;
    json.append(record, text);
    EXPECT_LE(text.size(), json.max_record_bytes());
    const auto parsed = Json::parse(text);
    EXPECT_TRUE(parsed) << text;
    EXPECT_EQ(violation(*Json::parse(flow_record_schema(chains)), *parsed), "");
    return text;
  };
  EXPECT_EQ(with({}).find("failed_chains"), std::string::npos);
  EXPECT_TRUE(with({1}).ends_with(R"(,"pkt_last":0.000000001,"failed_chains":["everything"]})"
                                  "\n"))
      << with({1});
  EXPECT_TRUE(with({0, 1}).ends_with(R"(,"failed_chains":["before","everything"]})"
                                     "\n"));
}

}  // namespace
}  // namespace spiderling
