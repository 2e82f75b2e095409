// From when to when results were measured.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "spiderling/packet.h"

namespace spiderling {

struct ResultSpan {
  Timestamp from{};
  Timestamp to{};
  std::uint64_t lines = 0;
  std::uint64_t without_time = 0;  ///< lines that are no results, or of jobs without a connection
};

/// Reads a file of results, packed or not, for the earliest and the latest of their `time`s. Error: it cannot
/// be read to its end, or no line of it has a time.
Result<ResultSpan> span_of_results(const std::string& path);

}  // namespace spiderling
