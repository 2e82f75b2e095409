// A result that was written by an earlier run, read back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/error.h"
#include "flows/chain_set.h"
#include "jobs/ndjson_line.h"
#include "spiderling/connection.h"
#include "spiderling/job.h"

namespace spiderling {

/// One connection of a result, and what was said of its flow.
struct RecordedFlow {
  ConnectionRecord connection;  ///< its fields: what the connector had added
  bool observed = false;
  bool lossy = false;
  /// As the flow's own fields say, if there are such; else none and 0.
  IpAddress dip;
  std::uint16_t dp = 0;
  std::uint8_t protocol = 0;
  Timestamp last{};  ///< of its packets, if observed; to the microsecond
};

struct RecordedResult {
  Job job;  ///< with what it had come with
  std::size_t missed_flows = 0;
  std::vector<RecordedFlow> flows;  ///< by configuration
  boost::json::array conditions;    ///< as they were written
  boost::json::array flow_results;
};

/// Reads results, a JSON object a line, as ResultJson writes them. Whatever else the line is becomes an
/// error: one line for a person. Keeps its memory from one call to the next: one reader a thread.
class ResultReader {
 public:
  static constexpr std::size_t most_flows = 256;

  /// The fields of the chains are told from those of the connectors by their names.
  explicit ResultReader(const ChainSet& chains);

  Result<RecordedResult> read(std::string_view line);

 private:
  Result<RecordedFlow> flow(const boost::json::object& told) const;

  NdjsonLine job_reader_;
  std::vector<std::string> not_of_connectors_;  // sorted
};

}  // namespace spiderling
