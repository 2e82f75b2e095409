// A list of jobs, as NDJSON and as CSV. However it comes in pieces, its lines are the same; a line gives a
// job that can be given on, read again and is then the same, or a reason that may be shown; and JSON is never
// said to be none, as another JSON parser sees it.
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/error.hpp>
#include <boost/json/parse.hpp>

#include "jobs/csv_line.h"
#include "jobs/line_splitter.h"
#include "jobs/ndjson_line.h"

using namespace spiderling;
namespace json = boost::json;

namespace {

constexpr std::size_t longest_line = 3000;

void require(bool right) {
  if (!right) std::abort();
}

std::vector<std::string> lines_of(std::string_view bytes, std::size_t piece) {
  LineSplitter splitter(longest_line, piece);
  std::vector<std::string> lines;
  LineSplitter::Line line;
  const auto take = [&] {
    while (true) {
      const auto got = splitter.next(line);
      if (got == LineSplitter::Got::nothing) return;
      lines.emplace_back(got == LineSplitter::Got::line ? line.text : "too long");
      require(line.number == lines.size());
    }
  };
  while (!bytes.empty()) {
    const auto room = splitter.room();
    const std::size_t size = std::min({piece, room.size(), bytes.size()});
    std::copy_n(bytes.begin(), size, room.begin());
    splitter.commit(size);
    bytes.remove_prefix(size);
    take();
  }
  splitter.finish();
  take();
  return lines;
}

// Escaped surrogates without a partner are JSON by its grammar (RFC 8259 section 8.2), but nothing that the
// other parser can hold: every escaped surrogate is given to it as another character.
std::string without_surrogates(std::string_view text) {
  std::string changed(text);
  for (std::size_t at = 0; (at = changed.find("\\u", at)) != std::string::npos; ++at) {
    if (at + 6 <= changed.size() && (changed[at + 2] | 0x20) == 'd' && std::isxdigit(changed[at + 3]) != 0 &&
        changed[at + 3] >= '8') {
      changed[at + 2] = '0';
    }
  }
  return changed;
}

enum class Opinion { json, no_json, cannot_tell };

Opinion other_opinion(std::string_view text) {
  json::parse_options options;
  options.max_depth = 100'000;
  boost::system::error_code problem;
  json::parse(without_surrogates(text), problem, {}, options);
  // A number may be beyond its own: it stops there and does not look at the rest.
  if (problem == json::error::exponent_overflow) return Opinion::cannot_tell;
  return problem ? Opinion::no_json : Opinion::json;
}

void check_fault(const LineFault& fault) {
  require(!fault.reason.empty());
  require(std::ranges::none_of(fault.reason, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }));
}

void check_job(const Job& job, std::string_view line) {
  static NdjsonLine reader;
  require(job.dip.version != IpVersion::none || !job.domain.empty());
  require(job.dp != 0);
  require(std::ranges::none_of(job.domain, [](char c) { return (c >= 0 && c <= 0x20) || c == 0x7f; }));
  require(job.members.find_first_of("\r\n") == std::string::npos);
  require(job.members.size() <= 2 * line.size() + 100);
  const std::string object = "{" + job.members + "}";
  require(other_opinion(object) != Opinion::no_json);
  const auto again = reader.read(object);
  require(again.has_value());
  require(again->members == job.members && again->dip == job.dip && again->dp == job.dp &&
          again->domain == job.domain);
  job.member("rank");
  if (job.dp) require(job.member("dp") == *job.dp);
}

void check_ndjson(std::string_view line) {
  static NdjsonLine reader;
  const auto job = reader.read(line);
  if (job) {
    require(other_opinion(line) != Opinion::no_json);
    return check_job(*job, line);
  }
  check_fault(job.error());
  const BadLineKind kind = job.error().kind;
  if (kind == BadLineKind::not_json || kind == BadLineKind::not_utf8)
    require(other_opinion(line) != Opinion::json);
}

void check_csv(std::string_view line) {
  static CsvLine reader;
  const auto job = reader.read(line);
  if (job) return check_job(*job, line);
  check_fault(job.error());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto lines = lines_of(text, size + 1);
  require(lines == lines_of(text, 1 + size % 7));
  for (const std::string& line : lines) {
    check_ndjson(line);
    check_csv(line);
  }
  return 0;
}
