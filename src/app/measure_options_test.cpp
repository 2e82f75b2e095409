#include "app/measure_options.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace spiderling::app {
namespace {

/// With an option of each kind.
class OfTest : public SingleMeasurement {
 public:
  static constexpr const char* name = "of_test";
  static constexpr const char* description = "Has options";
  static constexpr const char* version = "1";
  static constexpr std::array<const char*, 0> chains{};
  static constexpr std::array connect_supported{ConnectMode::https, ConnectMode::tcp};

  void options(OptionList& list) override {
    list.flag("flag", flag, "A flag");
    list.text("text", text, "A text");
    list.number("number", number, 1, 63, "A number");
    list.numbers("codepoint", codepoints, 0, 63, "Numbers");
  }
  void combine(const MergedFlows&, Conditions&) const override {}

  bool flag = false;
  std::string text = "as it was";
  std::int64_t number = 48;
  std::vector<std::int64_t> codepoints;
};

ParsedMeasure parse(std::vector<std::string> words) {
  return parse_measure({"spiderling measure", std::move(words)}, Registry::built_in());
}
int status(std::vector<std::string> words) {
  ::testing::internal::CaptureStderr();
  const ParsedMeasure parsed = parse(std::move(words));
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(parsed.exit.has_value());
  EXPECT_FALSE(said.empty()) << "a refusal is told";
  return parsed.exit.value_or(-1);
}
const OfTest& measurement_of(const ParsedMeasure& parsed) {
  return dynamic_cast<const OfTest&>(*parsed.options.measurement);
}

TEST(MeasureOptions, Defaults) {
  const ParsedMeasure parsed = parse({"of_test"});
  ASSERT_FALSE(parsed.exit.has_value());
  const MeasureOptions& o = parsed.options;
  EXPECT_EQ(o.input, "-");
  EXPECT_EQ(o.output, "");
  EXPECT_EQ(o.timeout_seconds, 5);
  EXPECT_EQ(o.attempts, std::nullopt) << "as the mode has it";
  EXPECT_EQ(o.interleave, Interleave::together);
  EXPECT_EQ(o.configure, Configure::socket);
  EXPECT_EQ(o.mode, ConnectMode::https) << "the first that it supports";
  EXPECT_EQ(std::string_view(o.description->name), "of_test");
  EXPECT_EQ(measurement_of(parsed).number, 48);
  EXPECT_EQ(measurement_of(parsed).text, "as it was");
}

TEST(MeasureOptions, TakesPATHspidersOptions) {
  const ParsedMeasure parsed = parse({"-i", "eth7", "-w", "20", "--input", "in", "--csv-input", "--output",
                                      "out", "--output-flows", "--interleave", "random", "--configure",
                                      "host", "of_test", "--connect", "tcp", "--timeout", "3"});
  ASSERT_FALSE(parsed.exit.has_value());
  const MeasureOptions& o = parsed.options;
  EXPECT_EQ(o.interface, "eth7");
  EXPECT_EQ(o.workers, 20u);
  EXPECT_EQ(o.input, "in");
  EXPECT_TRUE(o.csv_input);
  EXPECT_EQ(o.output, "out");
  EXPECT_TRUE(o.output_flows);
  EXPECT_EQ(o.interleave, Interleave::random);
  EXPECT_EQ(o.configure, Configure::host);
  EXPECT_EQ(o.mode, ConnectMode::tcp);
  EXPECT_EQ(o.timeout_seconds, 3);
}

TEST(MeasureOptions, EngineOptionsMayStandBehindTheMeasurementsName) {
  const ParsedMeasure parsed = parse({"of_test", "-w", "7", "--timeout", "0.5"});
  ASSERT_FALSE(parsed.exit.has_value());
  EXPECT_EQ(parsed.options.workers, 7u);
  EXPECT_EQ(parsed.options.timeout_seconds, 0.5);
}

TEST(MeasureOptions, TheMeasurementsOwnOptionsReachIt) {
  const ParsedMeasure parsed = parse(
      {"of_test", "--flag", "--text", "x y", "--number", "63", "--codepoint", "0", "--codepoint", "46"});
  ASSERT_FALSE(parsed.exit.has_value());
  const OfTest& measurement = measurement_of(parsed);
  EXPECT_TRUE(measurement.flag);
  EXPECT_EQ(measurement.text, "x y");
  EXPECT_EQ(measurement.number, 63);
  EXPECT_EQ(measurement.codepoints, (std::vector<std::int64_t>{0, 46}));
}

TEST(MeasureOptions, WhatIsOutOfRangeOrUnknownIsRefused) {
  EXPECT_EQ(status({}), bad_request);
  EXPECT_EQ(status({"no_such_measurement"}), bad_request);
  EXPECT_EQ(status({"of_test", "--number", "64"}), bad_request);
  EXPECT_EQ(status({"of_test", "--number", "0"}), bad_request);
  EXPECT_EQ(status({"of_test", "--number", "many"}), bad_request);
  EXPECT_EQ(status({"of_test", "--codepoint", "64"}), bad_request);
  EXPECT_EQ(status({"of_test", "--connect", "http"}), bad_request) << "it does not support that";
  EXPECT_EQ(status({"of_test", "--timeout", "0"}), bad_request);
  EXPECT_EQ(status({"--attempts", "0", "of_test"}), bad_request);
  EXPECT_EQ(parse({"--attempts", "4", "of_test"}).options.attempts, 4u);
  EXPECT_EQ(status({"-w", "0", "of_test"}), bad_request);
  EXPECT_EQ(status({"-w", "-1", "of_test"}), bad_request);
  EXPECT_EQ(status({"--interleave", "sometimes", "of_test"}), bad_request);
  EXPECT_EQ(status({"--hub", "h:1", "--output", "out", "of_test"}), bad_request);
}

TEST(MeasureOptions, AContactIsAUrlOrAMailAddressThatARequestMayCarry) {
  for (const char* good : {"https://example.org/why?x=1", "measure@example.org"}) {
    const ParsedMeasure parsed = parse({"--contact", good, "of_test"});
    ASSERT_FALSE(parsed.exit.has_value()) << good;
    EXPECT_EQ(parsed.options.contact, good);
  }
  for (const char* bad : {"", "nobody", "a@b\r\nHost: c", "a@b (me)", "a@b\\", "m\xc3\xbc@example.org"})
    EXPECT_EQ(status({"--contact", bad, "of_test"}), bad_request) << bad;
  EXPECT_EQ(status({"--contact", "a@" + std::string(200, 'b'), "of_test"}), bad_request);
}

TEST(MeasureOptions, KeptPacketsNeedFlowsToBeComparedWith) {
  EXPECT_FALSE(parse({"of_test"}).options.output_flows);
  const ParsedMeasure parsed = parse({"--pcap", "run.pcap", "--pcap-size", "7", "of_test"});
  ASSERT_FALSE(parsed.exit.has_value());
  EXPECT_TRUE(parsed.options.output_flows);
  EXPECT_EQ(parsed.options.evidence.pcap, "run.pcap");
  EXPECT_EQ(parsed.options.evidence.pcap_mib, 7u);
  EXPECT_EQ(status({"--pcap-size", "7", "of_test"}), bad_request) << "of what?";
  EXPECT_EQ(status({"--pcap", "run.pcap", "--pcap-size", "0", "of_test"}), bad_request);
  EXPECT_EQ(status({"--pcap", "run.pcap", "--pcap-snap", "10", "of_test"}), bad_request);
}

}  // namespace
}  // namespace spiderling::app

SPIDERLING_MEASUREMENT(spiderling::app::OfTest)
