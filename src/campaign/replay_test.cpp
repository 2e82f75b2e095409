// Results and packets as a run would have written them, through the whole of it.
#include "campaign/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "capture/test_traces.h"
#include "capture/trace_writer.h"
#include "flows/test_observer.h"
#include "spiders/combiner.h"

namespace spiderling {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint8_t syn_ack = tcp_flag::syn | tcp_flag::ack;

/// Answered or not, and how much.
class AnswerMeasurement : public SingleMeasurement {
 public:
  void combine(const MergedFlows& flows, Conditions& conditions) const override {
    conditions.connectivity("answer", flows[0].ok());
    if (!flows[0].trusted()) return conditions.not_observed();
    conditions.add("answer.octets", flows[0][octets_].value);
  }

 private:
  FlowField<std::uint64_t> octets_{flow_fields_, "trail_octets_rev"};
};

class ReplayTest : public ::testing::Test {
 protected:
  static constexpr int jobs = 10;

  void SetUp() override { ASSERT_TRUE(bind_flow_fields(measurement_, chains_)); }

  static Timestamp at(std::int64_t since_start) {
    return Timestamp(std::chrono::nanoseconds(start_ns + since_start));
  }
  static Hosts ends(int job) { return hosts(job % 2 == 0 ? IpVersion::v4 : IpVersion::v6); }
  static Endpoint client(int job) {
    return {ends(job).client.address, static_cast<std::uint16_t>(50'000 + job / 2)};
  }
  // Each a second after the one before; the last ones have the ports of the first.
  static Endpoint port_again(int job) { return client(job % 8); }
  static std::int64_t begin(int job) { return job * second; }

  void add_packets(int job) {
    const Endpoint from = port_again(job), to = ends(job).server;
    trace_.at(begin(job) + 1000, tcp_packet(from, to, tcp_flag::syn));
    for (int i = 0; i <= job % 3; ++i) trace_.at(begin(job) + 2000 + i, tcp_packet(to, from, syn_ack));
  }

  // The line of a job whose flow was these packets, as the run's own observer would have it.
  std::string result_of(int job, bool observed = true, bool lossy = false) {
    const auto frames = trace_.frames();
    KeepStates keep;
    Observer again(chains_, {}, keep);
    for (const Frame& frame : frames) {
      const std::int64_t since = frame.time_ns - start_ns;
      if (since >= begin(job) && since < begin(job + 1)) again.process({&frame, 1});
    }
    again.finish();
    MergedJob merged;
    const std::string dip = ends(job).server.address.to_string();
    merged.job = {ends(job).server.address, std::uint16_t{80}, "",
                  fmt::format(R"("dip":"{}","dp":80,"n":{})", dip, job), static_cast<std::uint64_t>(job + 1)};
    JobConnection& one = merged.connections.emplace_back();
    one.attempted = true;
    one.record.state = ConnectionState::ok;
    one.record.start = at(begin(job));
    one.record.stop = at(begin(job) + 100 * millisecond);
    one.record.sip = port_again(job).address;
    one.record.sp = port_again(job).port;
    one.record.add("http_response_code", 200);
    if (observed) {
      one.flow.states = std::move(keep.states);
      one.flow.first = keep.first;
      one.flow.last = keep.last;
      one.flow.lossy = lossy;
    }
    const FlowResult flow{&one.record, one.flow.states.get(), one.flow.first, one.flow.last, one.flow.lossy};
    std::string text;
    ResultJson(chains_, true)
        .append({merged.job, combine(measurement_, merged), {&flow, 1}, merged.missed_flows()}, text);
    return text;
  }
  struct KeepStates final : FlowSink {
    void flow_ended(const FlowRecord& record) override {
      states = std::make_unique<std::uint8_t[]>(sizeof(Trail::State));
      std::memcpy(states.get(), record.states, sizeof(Trail::State));
      first = record.first;
      last = record.last;
    }
    std::unique_ptr<std::uint8_t[]> states;
    Timestamp first{}, last{};
  };

  std::string write_trace(const std::string& name, const std::function<bool(std::size_t)>& wants) {
    auto writer = TraceWriter::open(folder_.path(name));
    EXPECT_TRUE(writer);
    std::vector<std::uint8_t> bytes;
    const auto frames = trace_.frames();
    for (std::size_t i = 0; i < frames.size(); ++i) {
      if (wants(i)) (*writer)->format().append(frames[i], bytes);
    }
    EXPECT_TRUE((*writer)->write(bytes));
    EXPECT_TRUE((*writer)->close());
    return folder_.path(name);
  }
  std::string write_results(const std::string& text) {
    return folder_.file("r.ndjson", {text.begin(), text.end()});
  }

  ReplayCounters replay(std::vector<std::string> traces, std::size_t at_once = 1000) {
    ReplayOptions options;
    options.results = folder_.path("r.ndjson");
    options.traces = std::move(traces);
    options.linger = std::chrono::milliseconds(100);
    options.results_at_once = at_once;
    differences_.clear();
    warnings_.clear();
    again_.clear();
    Replay replay(measurement_, chains_, std::move(options));
    const auto done = replay.run([this](std::string_view line) { differences_.emplace_back(line); },
                                 [this](std::string_view line) { warnings_.emplace_back(line); },
                                 [this](std::string_view results) {
                                   again_ += results;
                                   return true;
                                 });
    EXPECT_TRUE(done) << done.error().message;
    return done.value_or(ReplayCounters{});
  }
  static bool all(std::size_t /*number*/) { return true; }

  const TemporaryFolder folder_;
  AnswerMeasurement measurement_;
  const ChainSet chains_ = chain_set<Trail>();
  Trace trace_;
  std::vector<std::string> differences_, warnings_;
  std::string again_;
};

TEST_F(ReplayTest, TheSameComesOutAgainHoweverManyAtOnce) {
  std::string results;
  for (int job = 0; job < jobs; ++job) add_packets(job);
  for (const int job : {3, 1, 0, 2, 5, 4, 6, 9, 8, 7}) results += result_of(job);
  write_results(results);
  const std::size_t half = trace_.size() / 2;
  const auto first = write_trace("a.pcap", [&](std::size_t i) { return i < half; });
  const auto rest = write_trace("b.pcapng.zst", [&](std::size_t i) { return i >= half; });
  for (const std::size_t at_once : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{1000}}) {
    const ReplayCounters counters = replay({rest, first}, at_once);
    EXPECT_EQ(10u, counters.results);
    EXPECT_EQ(10u, counters.same) << at_once;
    EXPECT_EQ(10u, counters.seen);
    EXPECT_THAT(differences_, IsEmpty()) << at_once;
    EXPECT_THAT(warnings_, IsEmpty());
    EXPECT_EQ(results, again_) << "to the byte";
  }
}

TEST_F(ReplayTest, APacketThatIsMissingIsFound) {
  for (int job = 0; job < jobs; ++job) add_packets(job);
  std::string results;
  for (int job = 0; job < jobs; ++job) results += result_of(job);
  write_results(results);
  for (std::size_t missing = 0; missing < trace_.size(); ++missing) {
    const auto trace = write_trace("less.pcap", [&](std::size_t i) { return i != missing; });
    const ReplayCounters counters = replay({trace});
    EXPECT_EQ(1u, counters.differ) << missing;
    EXPECT_FALSE(differences_.empty());
  }
}

TEST_F(ReplayTest, AnythingInAResultThatIsNotSoIsFound) {
  add_packets(0);
  const std::string right = result_of(0);
  const auto trace = write_trace("a.pcap", all);
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = right;
    const auto place = text.find(from);
    EXPECT_NE(place, std::string::npos) << from;
    text.replace(place, from.size(), to);
    write_results(text);
    return replay({trace}).differ;
  };
  EXPECT_EQ(1u, with("answer.octets:40", "answer.octets:41"));
  EXPECT_THAT(differences_,
              ElementsAre(HasSubstr("r.ndjson:1: 198.51.100.20: answer.octets:41 is in the result"),
                          HasSubstr("answer.octets:40 comes from the packets")));
  EXPECT_EQ(1u, with("\"trail_octets_fwd\":40", "\"trail_octets_fwd\":41"));
  EXPECT_THAT(differences_,
              ElementsAre(HasSubstr("flow 0: trail_octets_fwd is 41 in the result, 40 from the packets")));
  EXPECT_EQ(1u, with("\"missed_flows\":0", "\"missed_flows\":1"));
  EXPECT_EQ(1u, with("\"answer.connectivity.online\",", ""));
  // What the run alone could know is believed: that it was not ok, that packets were dropped.
  EXPECT_EQ(1u, with("\"spdr_state\":0", "\"spdr_state\":1"));
  EXPECT_THAT(differences_, ElementsAre(HasSubstr("online"), HasSubstr("offline")));
  EXPECT_EQ(1u, with("\"lossy\":false", "\"lossy\":true"));
}

TEST_F(ReplayTest, AFlowThatWasNotObservedIsNotInThePacketsEither) {
  add_packets(0);
  write_results(result_of(0, false));
  const auto none = write_trace("none.pcap", [](std::size_t) { return false; });
  EXPECT_EQ(1u, replay({none}).same);
  EXPECT_THAT(again_, HasSubstr("pathspider.missed_flows:1"));
  const auto trace = write_trace("a.pcap", all);
  EXPECT_EQ(1u, replay({trace}).differ);
  EXPECT_THAT(differences_,
              ::testing::Contains(HasSubstr("missed_flows is 1 in the result, 0 from the packets")));
}

TEST_F(ReplayTest, WhatCannotBeComparedIsCountedAndTheRestCompared) {
  add_packets(0);
  const std::string right = result_of(0);
  const auto trace = write_trace("a.pcap", all);
  write_results("{\"dip\":\"192.0.2.1\",\"conditions\":[]}\nno JSON\n\n" + right + "{\"dip\":1}\n" +
                right.substr(0, 50));
  const ReplayCounters counters = replay({trace});
  EXPECT_EQ(4u, counters.unreadable);
  EXPECT_EQ(1u, counters.same);
  ASSERT_THAT(warnings_, SizeIs(4));
  EXPECT_THAT(warnings_[0], HasSubstr("r.ndjson:1: it has no flow_results"));
  EXPECT_THAT(warnings_[1], HasSubstr("r.ndjson:2: it is no result"));
}

}  // namespace
}  // namespace spiderling
