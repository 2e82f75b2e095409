// Results of a measurement as lines of JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dumplings/flow_record_json.h"
#include "spiderling/conditions.h"
#include "spiderling/connection.h"
#include "spiderling/job.h"

namespace spiderling {

/// One connection of a job and the flow that was seen of it. Borrowed.
struct FlowResult {
  const ConnectionRecord* connection = nullptr;
  const std::uint8_t* states = nullptr;  ///< of all chains, laid out by ChainSet; nullptr: not observed
  Timestamp first{};                     ///< of the flow's packets, if observed
  Timestamp last{};
  bool lossy = false;  ///< the kernel dropped packets while it lasted
};

/// What became of one job. Borrowed.
struct JobResult {
  const Job& job;
  std::span<const Condition> conditions;
  std::span<const FlowResult> flows;  ///< by configuration
  std::size_t missed_flows = 0;       ///< that were expected and not observed
  unsigned attempts = 0;              ///< how often the job was asked; 0: not said
  unsigned times = 0;                 ///< how often it was measured to decide; 0: not said
  std::uint32_t sip_asn = 0;          ///< autonomous systems; 0: not known
  std::uint32_t dip_asn = 0;
  std::string_view members{};  ///< that the result has instead of those of the job; empty: those
};

/// Writes one result a line: what the job came with, then what was found, in the words of PATHspider.
/// Everything that is the same in every result is prepared once. Immutable; may be used from any thread.
///
///     {"dip":"192.0.2.80","rank":7,"sip":"192.0.2.1","path":["192.0.2.1","192.0.2.80"],
///      "time":{"from":"2026-11-22T04:58:47.000123Z","to":"2026-11-22T04:58:47.020456Z"},
///      "conditions":["ecn.connectivity.works"]}
///
/// Where they are known also `sip_asn`, `dip_asn` (in the path as "AS64496", between the addresses), and
/// `spdr_attempts`, how often the job was asked, and `spdr_repeats`, how often it was measured until most of
/// the times agreed. With flows also `missed_flows` and `flow_results`: for each configuration the fields of
/// the chains (if it was observed), sp, spdr_state, spdr_start, spdr_stop, spdr_reason (if there is one),
/// config, jobId (the job's line in its list), observed, lossy, and what the connector added. No name comes
/// twice: a connector's field that is named as one of those is left out.
class ResultJson {
 public:
  /// `chains` is not used later.
  ResultJson(const ChainSet& chains, bool with_flows);

  /// Appends one line with its newline.
  void append(const JobResult& result, std::string& text) const;

 private:
  void append_flow(const JobResult& result, std::size_t config, std::string& text) const;
  void append_connector_fields(const ConnectionRecord& connection, std::string& text) const;
  bool is_taken(std::string_view name) const;

  FlowRecordJson flow_json_;
  std::vector<std::string> taken_names_;  // of a flow result, sorted
  bool chains_have_sp_ = false;
  bool with_flows_;
};

/// A JSON Schema (draft 2020-12) of these results. Jobs may have brought any other member.
std::string result_schema(const ChainSet& chains, bool with_flows);

/// The address that the job's connections came from: of the first that had one. Version none: none had.
IpAddress source_of(std::span<const FlowResult> flows);

/// RFC 3339 in UTC with microseconds: 2026-11-22T04:58:47.000123Z.
void append_rfc3339(Timestamp time, std::string& text);

}  // namespace spiderling
