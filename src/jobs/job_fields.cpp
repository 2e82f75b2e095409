#include "jobs/job_fields.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <boost/json/parse.hpp>

#include "base/json_text.h"
#include "base/json_walk.h"

namespace spiderling {
namespace {

constexpr std::size_t longest_domain = 255;
constexpr std::size_t excerpt_bytes = 40;

// Spaces and control characters. Bytes of UTF-8 beyond ASCII are left: names may be international.
bool may_stand_in_a_name(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte != 0x7f;
}

// A key as it was written, with its quotes. `text`: from behind the first of them.
std::string_view written_key(const char* text) {
  const char* end = text;
  while (*end != '"') end += *end == '\\' ? 2 : 1;
  return {text - 1, static_cast<std::size_t>(end - text) + 2};
}

// The members but those of that name, each with a comma before it.
std::string without(const std::string& members, std::string_view name) {
  namespace ondemand = simdjson::ondemand;
  simdjson::padded_string text("{" + members + "}");
  ondemand::parser parser;
  ondemand::document document;
  ondemand::object object;
  std::string kept;
  if (parser.iterate(text).get(document) || document.get_object().get(object)) return kept;
  for (auto field : object) {
    simdjson::ondemand::raw_json_string key;
    std::string_view plain, raw;
    ondemand::value value;
    if (field.key().get(key)) break;
    const bool named = !field.unescaped_key().get(plain) && plain == name;
    if (field.value().get(value)) break;
    if (json_walk::take_raw(document, value, raw, 2, max_job_depth) != nullptr) break;
    if (named) continue;
    kept += ',';
    kept += written_key(key.raw());
    kept += ':';
    kept += raw;
  }
  return kept;
}

// The digits of `dp` among the members, where they can be told without parsing: the name stands there once,
// so that it is the job's own and not one of a nested object. Empty if they cannot be told.
std::string_view digits_of_port(const Job& job) {
  constexpr std::string_view name = "\"dp\"";
  const std::string_view members = job.members;
  const std::size_t at = members.find(name);
  if (!job.dp || at == std::string_view::npos || members.find(name, at + 1) != std::string_view::npos ||
      members.find('\\') != std::string_view::npos)
    return {};
  const std::size_t from = members.find_first_not_of(" \t:", at + name.size());
  if (from == std::string_view::npos) return {};
  const std::size_t end = std::min(members.find_first_not_of("0123456789", from), members.size());
  return members.substr(from, end - from);
}

}  // namespace

void set_port(Job& job, std::uint16_t port) {
  const std::string digits = fmt::format("{}", port);
  const bool may_have_one =
      job.members.find("\"dp\"") != std::string::npos || job.members.find('\\') != std::string::npos;
  if (const std::string_view old = digits_of_port(job); !old.empty()) {
    job.members.replace(static_cast<std::size_t>(old.data() - job.members.data()), old.size(), digits);
  } else if (may_have_one) {
    const std::string others = without(job.members, "dp");  // each with a comma before it
    job.members = fmt::format("{}{}\"dp\":{}", others.empty() ? "" : others.substr(1),
                              others.empty() ? "" : ",", digits);
  } else {
    job.members += fmt::format("{}\"dp\":{}", job.members.empty() ? "" : ",", digits);
  }
  job.dp = port;
}

Fault take_address(std::string_view text, Job& job) {
  const auto address = IpAddress::parse(text);
  if (!address)
    return LineFault{BadLineKind::bad_address,
                     fmt::format("dip {} is neither an IPv4 nor an IPv6 address", excerpt(text))};
  job.dip = *address;
  return std::nullopt;
}

Fault take_port(std::string_view text, Job& job) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, code] = std::from_chars(text.data(), end, port);
  if (code != std::errc() || stopped != end || port == 0)
    return LineFault{BadLineKind::bad_port, fmt::format("dp {} is no port from 1 to 65535", excerpt(text))};
  job.dp = port;
  return std::nullopt;
}

Fault take_domain(std::string_view text, Job& job) {
  if (text.size() > longest_domain)
    return LineFault{BadLineKind::bad_domain,
                     fmt::format("domain {} is longer than {} bytes", excerpt(text), longest_domain)};
  if (!std::ranges::all_of(text, may_stand_in_a_name))
    return LineFault{BadLineKind::bad_domain,
                     fmt::format("domain {} has a space or a control character in it", excerpt(text))};
  job.domain = text;
  return std::nullopt;
}

Fault check_target(const Job& job) {
  if (job.dip.version != IpVersion::none || !job.domain.empty()) return std::nullopt;
  return LineFault{BadLineKind::no_target, "it has neither dip, an address, nor domain"};
}

std::string excerpt(std::string_view text) {
  std::string out;
  if (text.size() <= excerpt_bytes) {
    append_json_string(out, text);
    return out;
  }
  std::size_t end = excerpt_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // no half character
  append_json_string(out, text.substr(0, end));
  return out += "...";
}

Payload parse_value(std::string_view json) {
  boost::json::parse_options options;
  options.max_depth = max_job_depth;
  boost::system::error_code problem;
  Payload value = boost::json::parse(json, problem, {}, options);
  return problem ? Payload() : value;
}

Payload Job::member(std::string_view name) const {
  namespace ondemand = simdjson::ondemand;
  simdjson::padded_string text("{" + members + "}");
  ondemand::parser parser;
  ondemand::document document;
  ondemand::object object;
  if (parser.iterate(text).get(document) || document.get_object().get(object)) return {};
  std::string_view found;  // the last counts, as in Python
  for (auto field : object) {
    std::string_view key, raw;
    ondemand::value value;
    // A key that cannot be told in UTF-8 is no name that anybody asks for.
    const bool named = !field.unescaped_key().get(key);
    if (field.value().get(value)) break;
    if (json_walk::take_raw(document, value, raw, 2, max_job_depth) != nullptr) break;
    if (named && key == name) found = raw;
  }
  return found.empty() ? Payload() : parse_value(found);
}

Job Job::at(const IpAddress& address) const {
  Job moved;
  moved.dip = address;
  moved.dp = dp;
  moved.domain = domain;
  moved.line = line;
  moved.members = fmt::format("\"dip\":\"{}\"", address.to_string());
  const bool may_have_dip =
      members.find("\"dip\"") != std::string::npos || members.find('\\') != std::string::npos;
  if (may_have_dip) {
    moved.members += without(members, "dip");
  } else if (!members.empty()) {
    moved.members += "," + members;
  }
  return moved;
}

}  // namespace spiderling
