// Lines of a job list that are no job: what is wrong with them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "spiderling/job.h"

namespace spiderling {

enum class BadLineKind : std::uint8_t {
  not_json,
  not_an_object,
  not_utf8,
  too_long,
  too_deep,       ///< arrays and objects in one another beyond max_job_depth
  wrong_columns,  ///< CSV: quotes that do not match, or not 2, 3 or 4 columns
  no_target,      ///< neither an address nor a domain
  bad_address,
  bad_port,
  bad_domain,
  bad_rank,
  twice,  ///< a member of ours comes twice: which one is meant cannot be told
};
inline constexpr std::size_t bad_line_kinds = 12;

/// For a summary: "12 not JSON, 3 bad port".
constexpr std::string_view name_of(BadLineKind kind) {
  constexpr std::array<std::string_view, bad_line_kinds> names{
      "not JSON",       "not an object", "not UTF-8", "too long",   "nested too deeply", "wrong columns",
      "without target", "bad address",   "bad port",  "bad domain", "bad rank",          "member twice"};
  return names[static_cast<std::size_t>(kind)];
}

/// What is wrong with a line. `reason`: for a person, may be shown on a terminal.
struct LineFault {
  BadLineKind kind;
  std::string reason;
};
/// A job, its line number not yet set; or why there is none.
using ParsedLine = tl::expected<Job, LineFault>;

struct BadLine {
  std::uint64_t line = 0;  ///< from 1
  LineFault fault;
};

}  // namespace spiderling
