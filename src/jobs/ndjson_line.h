// A line of an NDJSON job list.
#pragma once

#include <memory>
#include <string_view>

#include "jobs/bad_line.h"

namespace spiderling {

/// Reads jobs, a JSON object a line (RFC 8259, UTF-8): `dip` (text: an address), `dp` (a port, as a number or
/// as text) and `domain` (text); null is as if it were not there. Everything else stays as it was written, in
/// its order, but for the members that a result says anew, so that a file of results is a list of jobs too.
/// The whole line is checked: whatever passes parses in anybody's reader.
///
/// Keeps its memory from one call to the next: one reader a thread.
///
///     NdjsonLine reader;
///     if (const auto job = reader.read(R"({"dip": "192.0.2.80", "dp": 80, "rank": 7})")) use(*job);
class NdjsonLine {
 public:
  /// Bytes that read_padded() may look at behind the text.
  static constexpr std::size_t padding = 64;

  NdjsonLine();
  ~NdjsonLine();
  NdjsonLine(const NdjsonLine&) = delete;
  NdjsonLine& operator=(const NdjsonLine&) = delete;

  /// Copies the text, to have readable bytes behind it.
  ParsedLine read(std::string_view text);
  /// As read(), without the copy: `padding` readable bytes, whatever they hold, follow the text.
  ParsedLine read_padded(std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Members of a result that are not kept of a job: `sip`, `path`, `conditions`, ...
bool is_of_results(std::string_view name);

}  // namespace spiderling
