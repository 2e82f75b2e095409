#include "jobs/ndjson_line.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "base/json_tokens.h"
#include "base/json_walk.h"
#include "jobs/job_fields.h"

namespace spiderling {

namespace ondemand = simdjson::ondemand;
using json_walk::Problem;

static_assert(NdjsonLine::padding >= simdjson::SIMDJSON_PADDING);

namespace {

// Joins what is kept of a line. Members that follow each other are copied as one, with what stands between.
class KeptMembers {
 public:
  explicit KeptMembers(std::string& out) : out_(out) {}

  void keep(std::string_view member) {
    run_ = run_.empty()
               ? member
               : std::string_view(run_.data(),
                                  static_cast<std::size_t>(member.data() + member.size() - run_.data()));
  }
  /// What follows is not behind what was kept before.
  void end_run() {
    if (!run_.empty()) add(run_);
    run_ = {};
  }
  void add(std::string_view member) {
    if (!out_.empty()) out_ += ',';
    out_ += member;
  }

 private:
  std::string& out_;
  std::string_view run_;
};

Fault fault_of(Problem problem) {
  if (problem == nullptr) return std::nullopt;
  const BadLineKind kind = problem == json_walk::not_utf8   ? BadLineKind::not_utf8
                           : problem == json_walk::too_deep ? BadLineKind::too_deep
                                                            : BadLineKind::not_json;
  return LineFault{kind, problem};
}

// From behind the opening quote.
std::string_view key_text(const char* raw) {
  const char* end = raw;
  while (*end != '"') end += *end == '\\' ? 2 : 1;
  return {raw, static_cast<std::size_t>(end - raw)};
}

bool has_escape(std::string_view text) { return std::memchr(text.data(), '\\', text.size()) != nullptr; }

// The text of a string with its quotes; a view of it, or of `scratch` where it had escapes. False if UTF-8
// cannot tell it.
bool text_of(std::string_view token, std::string_view& text, std::string& scratch) {
  text = token.substr(1, token.size() - 2);
  if (!has_escape(text)) return true;
  const Payload value = parse_value(token);
  if (!value.is_string()) return false;
  scratch.assign(value.get_string().data(), value.get_string().size());
  text = scratch;
  return true;
}

struct Line {
  Job job;
  bool dip = false, dp = false, domain = false;
};

Fault seen_before(bool& seen, std::string_view name) {
  if (std::exchange(seen, true)) return LineFault{BadLineKind::twice, fmt::format("{} comes twice", name)};
  return std::nullopt;
}

Fault take_dip(std::string_view raw, Line& line) {
  if (auto fault = seen_before(line.dip, "dip")) return fault;
  if (raw == "null") return std::nullopt;
  std::string_view text;
  std::string scratch;
  if (raw[0] != '"' || !text_of(raw, text, scratch))
    return LineFault{BadLineKind::bad_address, fmt::format("dip {} is no text", excerpt(raw))};
  return take_address(text, line.job);
}

Fault take_dp(std::string_view raw, Line& line) {
  if (auto fault = seen_before(line.dp, "dp")) return fault;
  if (raw == "null") return std::nullopt;
  std::string_view text = raw;
  std::string scratch;
  if (raw[0] == '"' && !text_of(raw, text, scratch)) text = raw;
  return take_port(text, line.job);
}

Fault take_domain_member(std::string_view raw, Line& line) {
  if (auto fault = seen_before(line.domain, "domain")) return fault;
  if (raw == "null") return std::nullopt;
  std::string_view text;
  std::string scratch;
  if (raw[0] != '"' || !text_of(raw, text, scratch))
    return LineFault{BadLineKind::bad_domain, fmt::format("domain {} is no text", excerpt(raw))};
  return take_domain(text, line.job);
}

// `member`: name, colon and value as they stand in the line.
Fault take_member(std::string_view name, std::string_view member, std::string_view raw, Line& line,
                  KeptMembers& kept) {
  Fault fault;
  if (name == "dip") {
    fault = take_dip(raw, line);
  } else if (name == "domain") {
    fault = take_domain_member(raw, line);
  } else if (name == "dp") {
    fault = take_dp(raw, line);
    if (!fault && raw[0] == '"') {  // old lists have it so; a port is a number
      kept.end_run();
      kept.add(fmt::format("\"dp\":{}", *line.job.dp));
      return fault;
    }
  } else if (is_of_results(name)) {
    kept.end_run();
    return fault;
  }
  kept.keep(member);
  return fault;
}

Fault walk(ondemand::document& document, Line& line) {
  ondemand::object root;
  if (const auto code = document.get_object().get(root)) {
    if (code == simdjson::INCORRECT_TYPE)
      return LineFault{BadLineKind::not_an_object, "it is not a JSON object"};
    return fault_of(json_walk::describe(code));
  }
  KeptMembers kept(line.job.members);
  std::string scratch;
  for (auto field : root) {
    ondemand::raw_json_string key;
    ondemand::value value;
    std::string_view raw;
    if (const auto code = field.key().get(key)) return fault_of(json_walk::describe(code));
    if (!json_tokens::is_string_body(key.raw())) return fault_of("it is not JSON: a key with a wrong escape");
    if (const auto code = field.value().get(value)) return fault_of(json_walk::describe(code));
    if (auto fault = fault_of(json_walk::take_raw(document, value, raw, 2, max_job_depth))) return fault;
    std::string_view name = key_text(key.raw());
    const char* start = name.data() - 1;
    const std::string_view member(start, static_cast<std::size_t>(raw.data() + raw.size() - start));
    if (has_escape(name) && !text_of({start, name.size() + 2}, name, scratch)) name = {};
    if (auto fault = take_member(name, member, raw, line, kept)) return fault;
  }
  if (auto fault = fault_of(json_walk::check_end(document))) return fault;
  kept.end_run();
  return check_target(line.job);
}

}  // namespace

bool is_of_results(std::string_view name) {
  return std::ranges::find(members_of_results, name) != members_of_results.end();
}

struct NdjsonLine::State {
  ondemand::parser parser;
  std::string copy;
};

NdjsonLine::NdjsonLine() : state_(std::make_unique<State>()) {}
NdjsonLine::~NdjsonLine() = default;

ParsedLine NdjsonLine::read(std::string_view text) {
  state_->copy.assign(text);
  state_->copy.append(padding, ' ');
  return read_padded(std::string_view(state_->copy).substr(0, text.size()));
}

ParsedLine NdjsonLine::read_padded(std::string_view text) {
  Line line;
  ondemand::document document;
  const simdjson::padded_string_view padded(text.data(), text.size(), text.size() + padding);
  Fault fault = fault_of(json_walk::describe(state_->parser.iterate(padded).get(document)));
  if (!fault) fault = walk(document, line);
  if (fault) return tl::unexpected(std::move(*fault));
  // White space of JSON, but the end of a line to many who will read the result.
  std::ranges::replace(line.job.members, '\r', ' ');
  return std::move(line.job);
}

}  // namespace spiderling
