#include "campaign/replay.h"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "campaign/compare.h"
#include "capture/source.h"
#include "spiders/combiner.h"

namespace spiderling {

namespace json = boost::json;

namespace {

using namespace std::chrono_literals;

// A flow is settled when all packets up to its linger were read, which may be a while later.
constexpr auto settled_within = 2s;
// Packets stand in files nearly in the order of their times: several CPUs capture them.
constexpr std::int64_t disorder_ns = 1'000'000'000;
constexpr std::size_t most_warnings = 20;

Result<std::unique_ptr<Source>> open_trace_file(const std::string& path) {
  return Source::open("file:" + path, {});
}

}  // namespace

Replay::Replay(const Measurement& measurement, const ChainSet& chains, ReplayOptions options)
    : measurement_(measurement),
      chains_(chains),
      options_(std::move(options)),
      json_(chains, true),
      reader_(chains) {}

Result<ReplayCounters> Replay::run(const Teller& difference, const Teller& warning, const Writer& write) {
  difference_ = difference;
  warning_ = warning;
  write_ = write;
  for (auto* lines : {&ahead_, &behind_}) {
    auto opened = ResultLines::open(options_.results);
    if (!opened) return tl::unexpected(opened.error());
    *lines = std::move(*opened);
  }
  if (const auto ordered = order_traces(); !ordered) return tl::unexpected(ordered.error());
  bool more = true;
  while (more) {
    PacketReplay packets(chains_);
    std::vector<std::size_t> numbers;  // by flow, of all results
    std::size_t lines = 0;
    ResultLines::Line line;
    while (lines < options_.results_at_once && (more = ahead_->next(line))) {
      ++lines;
      const auto result = line.too_long ? error("it is too long") : reader_.read(line.text);
      if (!result) {
        ++counters_.unreadable;
        warn(fmt::format("{}:{}: {}", options_.results, line.number, result.error().message));
        continue;
      }
      const auto its = expect_flows(*result, packets);
      numbers.insert(numbers.end(), its.begin(), its.end());
    }
    if (lines == 0) break;
    if (const auto read = read_traces(packets); !read) return tl::unexpected(read.error());
    if (!compare_results(lines, numbers, packets)) break;
  }
  if (!ahead_->damage().empty()) {
    ++counters_.unreadable;
    warn(fmt::format("{}: {}", options_.results, ahead_->damage()));
  }
  return counters_;
}

// By the time of their first packets. One without packets says nothing.
Result<void> Replay::order_traces() {
  for (const std::string& path : options_.traces) {
    auto source = open_trace_file(path);
    if (!source) return tl::unexpected(source.error());
    std::array<Frame, 1> first;
    auto batch = (*source)->stream(0).next(first, 0ms);
    while (batch.state == StreamState::idle) batch = (*source)->stream(0).next(first, 100ms);
    if (batch.count > 0) traces_.push_back({path, first[0].time_ns});
    (*source)->stop();
    for (const std::string& line : (*source)->warnings()) warn(line);
  }
  std::ranges::stable_sort(traces_, {}, &Trace::first_ns);
  return {};
}

// --- from results to what is expected of the packets

std::vector<std::size_t> Replay::expect_flows(const RecordedResult& result, PacketReplay& packets) const {
  std::vector<std::size_t> numbers;
  for (const RecordedFlow& flow : result.flows) {
    const ExpectedFlow ends = ends_of(result, flow);
    const bool left =
        ends.sp != 0 && ends.sip.version != IpVersion::none && ends.sip.version == ends.dip.version;
    if (!left) {
      numbers.push_back(not_expected);
      continue;
    }
    const Timestamp until =
        std::max<Timestamp>(flow.connection.stop + options_.linger + settled_within, flow.last);
    numbers.push_back(packets.expect(ends, flow.connection.start, until));
  }
  return numbers;
}

// A flow that was observed says so itself; of others the run has taken them from the job.
ExpectedFlow Replay::ends_of(const RecordedResult& result, const RecordedFlow& flow) const {
  const ForgeMeasurement* forger = measurement_.forger();
  ExpectedFlow ends;
  ends.sip = flow.connection.sip;
  ends.sp = flow.connection.sp;
  ends.dip = flow.dip.version != IpVersion::none ? flow.dip : result.job.dip;
  ends.dp = flow.dp;
  if (ends.dp == 0) {
    const std::uint16_t usual = forger != nullptr ? forger->port(options_.mode) : default_port(options_.mode);
    ends.dp = result.job.dp.value_or(usual);
  }
  ends.protocol = flow.protocol;
  if (ends.protocol == 0) {
    IpProtocol protocol = options_.mode == ConnectMode::dnsudp ? IpProtocol::udp : IpProtocol::tcp;
    if (forger != nullptr) protocol = forger->protocol(options_.mode);
    ends.protocol = static_cast<std::uint8_t>(protocol);
  }
  return ends;
}

// --- packets

Result<void> Replay::read_traces(PacketReplay& packets) {
  const std::int64_t first_ns = packets.first_begin().time_since_epoch().count() - disorder_ns;
  bool wants_more = true;
  for (std::size_t i = 0; i < traces_.size() && wants_more; ++i) {
    const bool is_before = i + 1 < traces_.size() && traces_[i + 1].first_ns < first_ns;
    if (is_before) continue;
    if (const auto read = read_trace(traces_[i].path, packets, wants_more); !read) return read;
  }
  packets.finish();
  return {};
}

Result<void> Replay::read_trace(const std::string& path, PacketReplay& packets, bool& wants_more) {
  auto source = open_trace_file(path);
  if (!source) return tl::unexpected(source.error());
  const std::int64_t last_ns = packets.last_end().time_since_epoch().count() + disorder_ns;
  std::array<Frame, Observer::max_batch> room;
  while (true) {
    const auto batch = (*source)->stream(0).next(room, 100ms);
    if (batch.state == StreamState::ended) break;
    const auto frames = std::span<const Frame>(room).first(batch.count);
    packets.process(frames);
    counters_.packets += frames.size();
    if (frames.empty() || frames.back().time_ns <= last_ns) continue;
    wants_more = false;
    (*source)->stop();
    break;
  }
  for (const std::string& line : (*source)->warnings()) warn(line);
  return {};
}

// --- and back

// The same lines again. False: nobody wants more.
bool Replay::compare_results(std::size_t lines, const std::vector<std::size_t>& numbers,
                             const PacketReplay& packets) {
  std::span<const std::size_t> rest(numbers);
  ResultLines::Line line;
  for (std::size_t i = 0; i < lines && behind_->next(line); ++i) {
    if (line.too_long) continue;
    auto result = reader_.read(line.text);
    if (!result) continue;
    const std::size_t flows = std::min(rest.size(), result->flows.size());
    const MergedJob again = recompute(*result, rest.first(flows), packets);
    rest = rest.subspan(flows);
    ++counters_.results;
    ++(compare(*result, again, line.number) ? counters_.same : counters_.differ);
    if (!write_(text_)) return false;
  }
  return true;
}

// What the run's merger had, but for the flows: those are the packets'.
MergedJob Replay::recompute(RecordedResult& result, std::span<const std::size_t> numbers,
                            const PacketReplay& packets) const {
  MergedJob again;
  again.job = result.job;
  std::size_t missed_then = result.missed_flows;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    JobConnection& connection = again.connections.emplace_back();
    connection.record = result.flows[i].connection;
    connection.flow.lossy = result.flows[i].lossy;
    // Results do not say which flows were missed, only how many.
    connection.attempted = result.flows[i].observed;
    if (!connection.attempted && numbers[i] != not_expected && missed_then > 0) {
      connection.attempted = true;
      --missed_then;
    }
    if (numbers[i] == not_expected) continue;
    const PacketReplay::Seen seen = packets.seen(numbers[i]);
    if (seen.states == nullptr) continue;
    connection.attempted = true;
    connection.flow.first = seen.first;
    connection.flow.last = seen.last;
    connection.flow.states = keep_states(chains_, seen.states);
  }
  return again;
}

bool Replay::compare(const RecordedResult& result, const MergedJob& again, std::uint64_t line) {
  std::vector<FlowResult> flows;
  for (const JobConnection& one : again.connections) {
    flows.push_back({&one.record, one.flow.states.get(), one.flow.first, one.flow.last, one.flow.lossy});
    if (one.attempted) ++counters_.flows;
    if (one.flow.states) ++counters_.seen;
  }
  const std::size_t missed = again.missed_flows();
  text_.clear();
  json_.append({again.job, combine(measurement_, again), flows, missed}, text_);
  boost::system::error_code problem;
  const json::value now = json::parse(text_, problem);
  bool same = true;
  const auto differs = [&](std::string_view what) {
    same = false;
    tell(line, again.job, what);
  };
  if (problem || !now.is_object()) {
    differs("what comes out now cannot be compared");
    return false;
  }
  const json::object& members = now.get_object();
  compare_conditions(result.conditions, members.at("conditions").as_array(), differs);
  if (missed != result.missed_flows)
    differs(
        fmt::format("missed_flows is {} in the result, {} from the packets", result.missed_flows, missed));
  compare_flows(result.flow_results, members.at("flow_results").as_array(), differs);
  return same;
}

void Replay::tell(std::uint64_t line, const Job& job, std::string_view what) const {
  difference_(fmt::format("{}:{}: {}{}: {}", options_.results, line,
                          job.dip.version == IpVersion::none ? "" : job.dip.to_string(),
                          job.domain.empty() ? "" : ' ' + job.domain, what));
}

// Each once, however often a trace is read.
void Replay::warn(const std::string& line) {
  if (std::ranges::find(warned_, line) != warned_.end() || warned_.size() >= most_warnings) return;
  warned_.push_back(line);
  warning_(line);
}

}  // namespace spiderling
