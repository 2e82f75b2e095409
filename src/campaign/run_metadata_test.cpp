#include "campaign/run_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "campaign/metadata.h"
#include "campaign/own_options.h"
#include "campaign/time_text.h"
#include "capture/test_traces.h"

namespace spiderling {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

ConnectionRecord connection(const char* sip, const char* start, const char* stop) {
  ConnectionRecord record;
  record.sip = *IpAddress::parse(sip);
  record.start = *parse_time(start);
  record.stop = *parse_time(stop);
  return record;
}

class RunMetadataTest : public ::testing::Test {
 protected:
  // As of a run that is given this connection; what it has written.
  json::object run(const json::object& earlier, const ConnectionRecord* record, const std::string& state) {
    RunDescription description;
    description.measurement = "ecn";
    description.options = {{"fallback", false}};
    json::object written;
    RunMetadata metadata(std::move(description), earlier, [&](std::string_view text) -> Result<void> {
      written = json::parse(text).as_object();
      return {};
    });
    if (record != nullptr) metadata.add(*record);
    RunReport report;
    report.state = state;
    EXPECT_TRUE(metadata.write(report));
    return written;
  }
};

TEST_F(RunMetadataTest, AResumedRunAddsToWhatIsThere) {
  const auto first = connection("192.0.2.1", "2026-11-22T04:00:01Z", "2026-11-22T04:00:02Z");
  const auto second = connection("2001:db8::1", "2026-11-23T04:00:01Z", "2026-11-23T04:00:02Z");
  const json::object one = run({}, &first, "running");
  EXPECT_EQ("ps-ndjson", text_member(one, "_file_type"));
  EXPECT_EQ("2026-11-22T04:00:01.000000Z", text_member(one, "_time_start"));
  EXPECT_EQ("2026-11-22T04:00:02.000000Z", text_member(one, "_time_end"));
  const json::object both = run(one, &second, "done");
  EXPECT_EQ("2026-11-22T04:00:01.000000Z", text_member(both, "_time_start"));
  EXPECT_EQ("2026-11-23T04:00:02.000000Z", text_member(both, "_time_end"));
  const json::array& runs = both.at("runs").as_array();
  ASSERT_EQ(2u, runs.size());
  EXPECT_EQ("killed", text_member(runs[0].as_object(), "state")) << "it never said how it ended";
  EXPECT_EQ("done", text_member(runs[1].as_object(), "state"));
  const json::value vantage = {{"ipv4", {"192.0.2.1"}}, {"ipv6", {"2001:db8::1"}}};
  EXPECT_EQ(vantage, both.at("vantage"));
}

TEST_F(RunMetadataTest, AnythingMayStandInTheEarlierFile) {
  const json::object earlier{{"runs", {1, nullptr, "x"}}, {"vantage", {{"ipv4", 7}}}, {"_time_start", 3}};
  const auto record = connection("192.0.2.1", "2026-11-22T04:00:01Z", "2026-11-22T04:00:02Z");
  const json::object written = run(earlier, &record, "done");
  EXPECT_EQ(4u, written.at("runs").as_array().size());
  EXPECT_EQ("2026-11-22T04:00:01.000000Z", text_member(written, "_time_start"));
}

TEST_F(RunMetadataTest, WithoutAResultItIsTheRunsOwnTime) {
  const json::object written = run({}, nullptr, "done");
  EXPECT_TRUE(parse_time(text_member(written, "_time_start")).has_value());
  EXPECT_LE(text_member(written, "_time_start"), text_member(written, "_time_end"));
}

TEST(Metadata, IsReadBackAndAnythingElseIsRefused) {
  const TemporaryFolder folder;
  const std::string path = folder.path("r.meta.json");
  EXPECT_TRUE(read_metadata(path)->empty()) << "no file, nothing known";
  const json::object members{{"a", 1}, {"long", json::array(100, "element")}, {"nested", {{"b\n", {1, 2}}}}};
  const std::string text = metadata_text(members);
  folder.file("r.meta.json", {text.begin(), text.end()});
  EXPECT_EQ(members, *read_metadata(path));
  for (const std::string& bad :
       {std::string("[1]"), std::string("{"), std::string(1000, '['), std::string()}) {
    folder.file("r.meta.json", {bad.begin(), bad.end()});
    const auto refused = read_metadata(path);
    ASSERT_FALSE(refused) << bad;
    EXPECT_THAT(refused.error().message, HasSubstr("is no metadata"));
  }
}

class Optional : public SingleMeasurement {
 public:
  void options(OptionList& list) override {
    list.flag("flag", flag, "");
    list.number("number", number, 0, 9, "");
    list.numbers("numbers", numbers, 0, 63, "");
    list.text("text", text, "");
  }
  void combine(const MergedFlows&, Conditions&) const override {}
  bool flag = false;
  std::int64_t number = 3;
  std::vector<std::int64_t> numbers{48};
  std::string text;
};

TEST(OwnOptions, AreSetToWhatTheyWere) {
  Optional one, other;
  one.flag = true;
  one.number = 7;
  one.numbers = {1, 2};
  one.text = "x y";
  const auto set = set_own_options(other, own_options(one));
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_TRUE(other.flag);
  EXPECT_EQ(7, other.number);
  EXPECT_EQ(one.numbers, other.numbers);
  EXPECT_EQ("x y", other.text);
}

TEST(OwnOptions, OfAnotherMeasurementAreRefused) {
  Optional one;
  for (const json::object& bad :
       {json::object{{"none", 1}}, json::object{{"flag", 1}}, json::object{{"number", 10}},
        json::object{{"number", "1"}}, json::object{{"numbers", {1, 64}}}, json::object{{"text", nullptr}}})
    EXPECT_FALSE(set_own_options(one, bad));
  EXPECT_EQ(std::vector<std::int64_t>{48}, one.numbers);
}

}  // namespace
}  // namespace spiderling
