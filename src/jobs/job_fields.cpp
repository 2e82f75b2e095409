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

}  // namespace

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

}  // namespace spiderling
