#include "jobs/csv_line.h"

#include <algorithm>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/json_text.h"
#include "jobs/job_fields.h"

namespace spiderling {
namespace {

struct Columns {
  std::string_view dip, dp, domain, rank;
};

// Takes a quoted column with its quotes off the front of `rest`. False if they do not match.
bool take_quoted(std::string_view& rest, std::string& text) {
  text.clear();
  rest.remove_prefix(1);
  while (true) {
    const std::size_t quote = rest.find('"');
    if (quote == std::string_view::npos) return false;
    text += rest.substr(0, quote);
    rest.remove_prefix(quote + 1);
    if (!rest.starts_with('"')) return rest.empty() || rest.front() == ',';
    text += '"';
    rest.remove_prefix(1);
  }
}

// A number that JSON has too. Anything else is a header, or columns in another order.
bool is_rank(std::string_view text) {
  constexpr std::size_t most_digits = 18;
  return text.size() <= most_digits && text.find_first_not_of("0123456789") == std::string_view::npos &&
         (text.size() == 1 || text[0] != '0');
}

void add_member(std::string& members, std::string_view name, std::string_view text, bool is_text) {
  if (text.empty()) return;
  if (!members.empty()) members += ',';
  members += '"';
  members += name;
  members += "\":";
  if (is_text) {
    append_json_string(members, text);
  } else {
    members += text;
  }
}

Fault take_columns(const Columns& columns, Job& job) {
  if (!columns.dip.empty()) {
    if (auto fault = take_address(columns.dip, job)) return fault;
  }
  if (!columns.dp.empty()) {
    if (auto fault = take_port(columns.dp, job)) return fault;
  }
  if (auto fault = take_domain(columns.domain, job)) return fault;
  if (!columns.rank.empty() && !is_rank(columns.rank))
    return LineFault{BadLineKind::bad_rank, fmt::format("rank {} is no number", excerpt(columns.rank))};
  return check_target(job);
}

void write_members(const Columns& columns, Job& job) {
  add_member(job.members, "dip", columns.dip, true);
  if (job.dp) add_member(job.members, "dp", fmt::format_int(*job.dp).c_str(), false);
  add_member(job.members, "domain", columns.domain, true);
  add_member(job.members, "rank", columns.rank, false);
}

}  // namespace

tl::expected<std::size_t, LineFault> CsvLine::split(std::string_view rest) {
  for (std::size_t count = 0; count < most_columns;) {
    std::string_view& column = columns_[count];
    if (rest.starts_with('"')) {
      if (!take_quoted(rest, unquoted_[count]))
        return tl::unexpected(LineFault{BadLineKind::wrong_columns, "its quotes do not match"});
      column = unquoted_[count];
    } else {
      column = rest.substr(0, rest.find(','));
      rest.remove_prefix(column.size());
      if (column.find('"') != std::string_view::npos)
        return tl::unexpected(LineFault{BadLineKind::wrong_columns, "it has a quote inside a column"});
    }
    ++count;
    if (rest.empty()) return count;
    rest.remove_prefix(1);  // the comma
  }
  return tl::unexpected(LineFault{BadLineKind::wrong_columns, "it has more than 4 columns"});
}

ParsedLine CsvLine::read(std::string_view text) {
  if (!simdjson::validate_utf8(text.data(), text.size()))
    return tl::unexpected(LineFault{BadLineKind::not_utf8, "it is not UTF-8"});
  const auto count = split(text);
  if (!count) return tl::unexpected(count.error());
  const auto& c = columns_;
  Columns columns;
  switch (*count) {
    case 2: columns = {{}, {}, c[1], c[0]}; break;
    case 3: columns = {c[0], c[1], c[2], {}}; break;
    case 4: columns = {c[0], c[1], c[2], c[3]}; break;
    default:
      return tl::unexpected(
          LineFault{BadLineKind::wrong_columns,
                    "it has 1 column: rank,domain or dip,dp,domain or dip,dp,domain,rank is wanted"});
  }
  Job job;
  if (auto fault = take_columns(columns, job)) return tl::unexpected(std::move(*fault));
  write_members(columns, job);
  return job;
}

}  // namespace spiderling
