// Results that an earlier run has written, held against the packets that it has kept.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "campaign/packet_replay.h"
#include "campaign/recorded_result.h"
#include "campaign/result_lines.h"
#include "flows/chain_set.h"
#include "spiderling/measurement.h"
#include "spiders/merger.h"
#include "spiders/result_json.h"

namespace spiderling {

struct ReplayOptions {
  std::string results;
  std::vector<std::string> traces;  ///< in any order
  ConnectMode mode = ConnectMode::tcp;
  std::chrono::milliseconds linger{1000};  ///< for which the run watched a connection that was over
  /// Results at once: each costs some 500 bytes a connection. Between, traces are read again, as far as
  /// their times make it worth it.
  std::size_t results_at_once = 100'000;
};

struct ReplayCounters {
  std::uint64_t results = 0;
  std::uint64_t same = 0;
  std::uint64_t differ = 0;
  std::uint64_t unreadable = 0;  ///< lines that are no results, or have no flows
  std::uint64_t flows = 0;       ///< that were expected
  std::uint64_t seen = 0;        ///< of those, with packets
  std::uint64_t packets = 0;     ///< that were looked at
};

/// Recomputes flows and conditions of results from packets, by the observer, the chains and the combiner that
/// made them, and compares. What only the run itself could know is taken over: how connections ended, what
/// connectors said, whether packets were dropped. One thread.
class Replay {
 public:
  /// A line for a person.
  using Teller = std::function<void(std::string_view line)>;
  /// Results as they come out now. False: no more are wanted.
  using Writer = std::function<bool(std::string_view results)>;

  /// References outlive it; the measurement's fields are bound to the chains.
  Replay(const Measurement& measurement, const ChainSet& chains, ReplayOptions options);

  /// Each difference is told, and what is wrong with lines and traces. Error: something cannot be read at
  /// all.
  Result<ReplayCounters> run(const Teller& difference, const Teller& warning, const Writer& write);

 private:
  struct Trace {
    std::string path;
    std::int64_t first_ns;
  };
  static constexpr std::size_t not_expected = SIZE_MAX;

  Result<void> order_traces();
  std::vector<std::size_t> expect_flows(const RecordedResult& result, PacketReplay& packets) const;
  ExpectedFlow ends_of(const RecordedResult& result, const RecordedFlow& flow) const;
  Result<void> read_traces(PacketReplay& packets);
  Result<void> read_trace(const std::string& path, PacketReplay& packets, bool& wants_more);
  bool compare_results(std::size_t lines, const std::vector<std::size_t>& numbers,
                       const PacketReplay& packets);
  MergedJob recompute(RecordedResult& result, std::span<const std::size_t> numbers,
                      const PacketReplay& packets) const;
  bool compare(const RecordedResult& result, const MergedJob& again, std::uint64_t line);
  void tell(std::uint64_t line, const Job& job, std::string_view what) const;
  void warn(const std::string& line);

  const Measurement& measurement_;
  const ChainSet& chains_;
  const ReplayOptions options_;
  const ResultJson json_;
  ResultReader reader_;
  std::vector<Trace> traces_;            // in the order of time
  std::unique_ptr<ResultLines> ahead_;   // reads results before the packets are read,
  std::unique_ptr<ResultLines> behind_;  // and the same again afterwards
  ReplayCounters counters_;
  std::vector<std::string> warned_;
  std::string text_;  // of the result that was recomputed last
  Teller difference_;
  Teller warning_;
  Writer write_;
};

}  // namespace spiderling
