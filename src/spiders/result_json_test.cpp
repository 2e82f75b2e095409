#include "spiders/result_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "dumplings/test_json.h"
#include "jobs/ndjson_line.h"

namespace spiderling {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = spiderling::testing::Json;
using spiderling::testing::violation;

struct Marks {
  static constexpr const char* name = "marks";
  static constexpr const char* description = "What a flow is known by";
  struct State {
    IpAddress sip;
    Maybe<std::uint16_t> sp;
    bool mark = false;
  };
  static void fields(FieldList& list, const State& s) {
    list.add("sip", s.sip, "source");
    list.add("sp", s.sp, "source port");
    list.add("mark", s.mark, "marked");
  }
};
struct Nameless {
  static constexpr const char* name = "nameless";
  static constexpr const char* description = "Without a port";
  struct State {
    std::uint8_t seen = 0;
  };
  static void fields(FieldList& list, const State& s) { list.add("seen", s.seen, "how often"); }
};

template <Chain C>
ChainSet chain_set() {
  const std::vector<const ChainDescription*> chains{&describe_chain<C>()};
  return *ChainSet::make(chains);
}

Timestamp at(std::int64_t ns) { return Timestamp(std::chrono::nanoseconds(ns)); }
constexpr std::int64_t some_second = 1'795'323'527'000'000'000;  // 2026-11-22T04:58:47Z

Job job_of(std::string_view line) {
  NdjsonLine reader;
  auto job = reader.read(line);
  EXPECT_TRUE(job.has_value()) << line;
  return job.value_or(Job{});
}

class ResultJsonTest : public ::testing::Test {
 protected:
  void SetUp() override {
    job.line = 42;
    baseline.state = ConnectionState::ok;
    baseline.start = at(some_second + 1'000'999);
    baseline.stop = at(some_second + 20'000'000);
    baseline.sip = *IpAddress::parse("192.0.2.1");
    baseline.sp = 40'000;
    experiment = baseline;
    experiment.state = ConnectionState::failed;
    experiment.reason = "refused: \"no\"";
    experiment.start = at(some_second);
    experiment.stop = at(some_second + 5'000'000'000);
    state.sip = baseline.sip;
    state.sp = std::uint16_t{40'000};
    state.mark = true;
    flows = {{&baseline, reinterpret_cast<const std::uint8_t*>(&state), at(some_second),
              at(some_second + 1'000), true},
             {&experiment, nullptr, {}, {}, false}};
  }
  template <Chain C = Marks>
  std::string line(bool with_flows) const {
    std::string text = "before";
    ResultJson(chain_set<C>(), with_flows).append({job, conditions, flows, 1}, text);
    EXPECT_TRUE(text.starts_with("before{"));
    EXPECT_TRUE(text.ends_with("}\n"));
    EXPECT_EQ(text.find('\n'), text.size() - 1) << "one result a line";
    return text.substr(6);
  }
  // Checked with the schema.
  template <Chain C = Marks>
  Json parsed(bool with_flows) const {
    const auto result = Json::parse(line<C>(with_flows));
    const auto schema = Json::parse(result_schema(chain_set<C>(), with_flows));
    EXPECT_TRUE(schema.has_value()) << result_schema(chain_set<C>(), with_flows);
    EXPECT_TRUE(result.has_value()) << line<C>(with_flows);
    if (!result || !schema) return {};
    EXPECT_EQ(violation(*schema, *result), "");
    return *result;
  }

  Job job = job_of(R"({"dip":"192.0.2.80","dp":"80","domain":"example.org","rank":[7]})");
  ConnectionRecord baseline, experiment;
  Marks::State state;
  std::vector<FlowResult> flows;
  std::vector<Condition> conditions{{"ecn.connectivity.broken", ""}, {"dscp.48.replymark", "0"}};
};

TEST_F(ResultJsonTest, WritesTheJobAndWhatWasFound) {
  EXPECT_EQ(line(false),
            R"({"dip":"192.0.2.80","dp":80,"domain":"example.org","rank":[7],"sip":"192.0.2.1",)"
            R"("path":["192.0.2.1","192.0.2.80"],)"
            R"("time":{"from":"2026-11-22T04:58:47.000000Z","to":"2026-11-22T04:58:52.000000Z"},)"
            R"("conditions":["ecn.connectivity.broken","dscp.48.replymark:0"]})"
            "\n");
  parsed(false);
}

TEST_F(ResultJsonTest, TellsSystemsAndAttemptsWhereTheyAreKnown) {
  const auto told = [&] {
    JobResult result{job, conditions, flows, 0};
    result.attempts = 3;
    result.sip_asn = 64496;
    result.dip_asn = 4'200'000'000;
    std::string text;
    ResultJson(chain_set<Marks>(), false).append(result, text);
    const auto schema = Json::parse(result_schema(chain_set<Marks>(), false));
    const auto parsed = Json::parse(text);
    EXPECT_TRUE(schema && parsed) << text;
    if (schema && parsed) {
      EXPECT_EQ(violation(*schema, *parsed), "");
    }
    return text;
  };
  const std::string text = told();
  EXPECT_THAT(text, HasSubstr(R"("sip":"192.0.2.1","sip_asn":64496,"dip_asn":4200000000,)"
                              R"("path":["192.0.2.1","AS64496","AS4200000000","192.0.2.80"],)"));
  EXPECT_THAT(text, HasSubstr(R"("dscp.48.replymark:0"],"spdr_attempts":3})"));
  job = job_of(R"({"dip":"192.0.2.80","dip_asn":7})");
  EXPECT_THAT(told(),
              HasSubstr(R"({"dip":"192.0.2.80","dip_asn":7,"sip":"192.0.2.1","sip_asn":64496,"path":)"))
      << "what the job came with stays";
}

TEST_F(ResultJsonTest, WritesFlowsWhenAskedTo) {
  baseline.add("http_response_code", 200);
  EXPECT_THAT(line(true),
              HasSubstr(R"("missed_flows":1,"flow_results":[{"pkt_first":1795323527.0,"sip":"192.0.2.1",)"
                        R"("sp":40000,"mark":true,"pkt_last":1795323527.000001,"spdr_state":0,)"
                        R"("spdr_start":"2026-11-22T04:58:47.001000Z",)"
                        R"("spdr_stop":"2026-11-22T04:58:47.020000Z","config":0,"jobId":42,)"
                        R"("observed":true,"lossy":true,"http_response_code":200},)"
                        R"({"sp":40000,"spdr_state":1,"spdr_start":"2026-11-22T04:58:47.000000Z",)"
                        R"("spdr_stop":"2026-11-22T04:58:52.000000Z",)"
                        R"("spdr_reason":"refused: \"no\"","config":1,"jobId":42,"observed":false,)"
                        R"("lossy":false}]})"));
  parsed(true);
}

TEST_F(ResultJsonTest, ThePortIsThereWhicheverChainsRun) {
  Nameless::State none;
  flows[0].states = reinterpret_cast<const std::uint8_t*>(&none);
  EXPECT_EQ(parsed<Nameless>(true).find("flow_results")->items[0]["sp"], "40000");
  baseline.sp = 0;
  EXPECT_EQ(parsed<Nameless>(true).find("flow_results")->items[0]["sp"], "null");
}

TEST_F(ResultJsonTest, WhatWasNeverTriedIsNull) {
  job = job_of(R"({"domain":"example.org"})");
  ConnectionRecord skipped;
  skipped.reason = "it has no address";
  flows = {{&skipped, nullptr, {}, {}, false}};
  conditions.clear();
  EXPECT_THAT(line(false),
              HasSubstr(R"("sip":null,"path":[null,null],"time":{"from":null,"to":null},"conditions":[])"));
  EXPECT_EQ(parsed(true).find("flow_results")->items[0]["spdr_state"], "3");
  flows.clear();
  EXPECT_TRUE(parsed(true).find("flow_results")->items.empty());
}

TEST_F(ResultJsonTest, AJobWithoutMembersIsStillJSON) {
  job.members.clear();
  EXPECT_TRUE(line(false).starts_with(R"({"sip":)"));
  parsed(false);
}

TEST_F(ResultJsonTest, TheSourceIsThatOfTheFirstConnectionThatHadOne) {
  baseline.sip = {};
  experiment.sip = *IpAddress::parse("2001:db8::9");
  EXPECT_EQ(parsed(false)["sip"], "\"2001:db8::9\"");
}

TEST_F(ResultJsonTest, NoNameComesTwice) {
  for (const char* taken :
       {"mark", "sp", "sip", "pkt_first", "spdr_state", "observed", "lossy", "config", "jobId"})
    experiment.add(taken, "not this one");
  experiment.add("code", 1);
  experiment.add("code", 2);
  EXPECT_THAT(line(true), Not(HasSubstr("not this one")));
  EXPECT_EQ(parsed(true).find("flow_results")->items[1]["code"], "2");
}

TEST_F(ResultJsonTest, WhatAPeerSentCannotBreakTheLine) {
  baseline.add("server", "a\"b\n\x1b[31m\xff");
  baseline.add("\n\"", {{"deep", {1, 2.5, "x"}}});
  baseline.add("nan", std::numeric_limits<double>::quiet_NaN());
  baseline.add("half", boost::json::array{1, "\xff"});
  conditions.push_back({"odd\n", "\""});
  const auto result = boost::json::parse(line(true)).as_object();
  const auto& flow = result.at("flow_results").as_array()[0].as_object();
  EXPECT_EQ(flow.at("server"), "a\"b\n\x1b[31m\xEF\xBF\xBD");
  EXPECT_EQ(boost::json::serialize(flow.at("\n\"")), R"({"deep":[1,2.5E0,"x"]})");
  EXPECT_TRUE(flow.at("nan").is_null());
  EXPECT_TRUE(flow.at("half").is_null());
  EXPECT_EQ(result.at("conditions").as_array()[2], "odd\n:\"");
}

TEST_F(ResultJsonTest, AResultIsAJobAgain) {
  const Job again = job_of(line(true));
  EXPECT_EQ(again.members, job.members);
  EXPECT_EQ(again.dip, job.dip);
  EXPECT_EQ(again.dp, job.dp);
  EXPECT_EQ(again.domain, job.domain);
}

// A random JSON value, written with random white space.
class RandomJson {
 public:
  std::string value(int depth = 0) {
    switch (random_() % (depth < 4 ? 8 : 6)) {
      case 0: return "null";
      case 1: return random_() % 2 == 0 ? "true" : "false";
      case 2: return std::to_string(static_cast<std::int64_t>(random_() >> random_() % 64));
      case 3: return fmt::format("{}{}e{}", random_() % 2 == 0 ? "-" : "", number(), random_() % 200);
      case 6: return '[' + list([&] { return value(depth + 1); }) + ']';
      case 7:
        return '{' + list([&, n = 0]() mutable { return name(n++) + ':' + space() + value(depth + 1); }) +
               '}';
      default: return string();
    }
  }
  std::string string() {
    constexpr const char* pieces[] = {"a", "é", "\\\"", "\\\\", "\\u00e9", "\\ud83d\\ude00", "\\n", "/",
                                      "{", "]", ",",    "日本", " "};
    std::string text = "\"";
    for (auto i = random_() % 6; i > 0; --i) text += pieces[random_() % std::size(pieces)];
    return text + '"';
  }
  std::string name(int number) {
    return fmt::format("\"{}{}\"", random_() % 2 == 0 ? "x" : "\\u0078", number) + space();
  }
  std::string space() { return std::string(random_() % 3, " \t"[random_() % 2]); }
  std::uint64_t operator()() { return random_(); }

 private:
  std::string number() { return fmt::format("{}.{}", random_() % 100, random_() % 1000); }
  template <class Item>
  std::string list(Item item) {
    std::string text = space();
    for (auto i = random_() % 4, more = i; i > 0; --i)
      text += (i == more ? "" : ",") + space() + item() + space();
    return text;
  }
  std::mt19937_64 random_{11};
};

// Whatever a job brought comes out again, as equal JSON and in its order, and nothing that is not its own.
TEST_F(ResultJsonTest, WhateverAJobBroughtComesOutAgain) {
  RandomJson random;
  const std::vector<std::string> of_results{"sip",        "path",         "time",
                                            "conditions", "flow_results", "missed_flows"};
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> members{R"("dip": "192.0.2.80")"};
    if (random() % 2 == 0) members.push_back(R"("dp" :"443")");
    for (int i = 0; i < static_cast<int>(random() % 6); ++i)
      members.push_back(random.name(i) + ":" + random.space() + random.value());
    for (const auto& name : of_results) {
      if (random() % 3 == 0) members.push_back(fmt::format("\"{}\":{}", name, random.value()));
    }
    std::shuffle(members.begin(), members.end(), std::mt19937_64(random()));
    const std::string text =
        random.space() + fmt::format("{{{}}}", fmt::join(members, random.space() + "," + random.space()));
    job = job_of(text);
    auto expected = boost::json::parse(text).as_object();
    for (const auto& name : of_results) expected.erase(name);
    if (expected.contains("dp")) expected["dp"] = 443;
    auto found = boost::json::parse(line(true)).as_object();
    for (const auto& name : of_results) ASSERT_EQ(found.erase(name), 1u) << text;
    ASSERT_EQ(found, expected) << text;
    boost::json::object again = boost::json::parse("{" + job.members + "}").as_object();
    ASSERT_EQ(again, expected) << text;
  }
}

TEST_F(ResultJsonTest, TheSchemaRefusesWhatIsNoResult) {
  const auto schema = Json::parse(result_schema(chain_set<Marks>(), true));
  ASSERT_TRUE(schema.has_value());
  const auto wrong = [&](std::string text, std::string_view what, std::string_view by) {
    const auto place = text.find(what);
    EXPECT_NE(place, std::string::npos) << what;
    text.replace(place, what.size(), by);
    const auto value = Json::parse(text);
    EXPECT_TRUE(value.has_value()) << text;
    return value && !violation(*schema, *value).empty();
  };
  EXPECT_FALSE(wrong(line(true), "\"rank\"", "\"more\""));
  EXPECT_TRUE(wrong(line(true), "\"dp\":80", "\"dp\":\"80\""));
  EXPECT_TRUE(wrong(line(true), "\"dp\":80", "\"dp\":0"));
  EXPECT_TRUE(wrong(line(true), "\"conditions\"", "\"other\""));
  EXPECT_TRUE(wrong(line(true), "\"missed_flows\":1", "\"missed_flows\":-1"));
  EXPECT_TRUE(wrong(line(true), "\"spdr_state\":1", "\"spdr_state\":5"));
  EXPECT_TRUE(wrong(line(true), "\"observed\":true", "\"observed\":1"));
  EXPECT_TRUE(wrong(line(true), "\"dscp.48.replymark:0\"", "48"));
  EXPECT_TRUE(wrong(line(true), "\"mark\":true", "\"mark\":null"));
}

TEST(AppendRfc3339, IsExactToTheMicrosecond) {
  const auto text = [](std::int64_t ns) {
    std::string out;
    append_rfc3339(at(ns), out);
    return out;
  };
  EXPECT_EQ(text(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(text(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(text(1'492'539'365'719'133'999), "2017-04-18T18:16:05.719133Z");
  EXPECT_EQ(text(1'709'251'199'999'999'000), "2024-02-29T23:59:59.999999Z");
  EXPECT_EQ(text(std::numeric_limits<std::int64_t>::max()), "2262-04-11T23:47:16.854775Z");
  EXPECT_EQ(text(std::numeric_limits<std::int64_t>::min()), "1677-09-21T00:12:43.145224Z");
}

}  // namespace
}  // namespace spiderling
