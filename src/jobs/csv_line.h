// A line of a CSV job list.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "jobs/bad_line.h"

namespace spiderling {

/// Reads jobs from lines of 2, 3 or 4 columns, quoted as RFC 4180 has it: `rank,domain`; `dip,dp,domain`;
/// `dip,dp,domain,rank`. An empty column is as if it were not there. A line is a record: nothing that may
/// stand in a job has an end of line in it, so a quote that is still open there is a mistake.
///
/// Keeps its memory from one call to the next: one reader a thread.
class CsvLine {
 public:
  ParsedLine read(std::string_view text);

 private:
  static constexpr std::size_t most_columns = 4;

  /// The columns of a line into columns_; their number, or why not.
  tl::expected<std::size_t, LineFault> split(std::string_view text);

  std::array<std::string_view, most_columns> columns_;
  std::array<std::string, most_columns> unquoted_;  ///< text of those that had quotes
};

}  // namespace spiderling
