#include "campaign/recorded_result.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <boost/json/parse.hpp>

#include "campaign/time_text.h"

namespace spiderling {

namespace json = boost::json;

namespace {

constexpr std::size_t deepest_result = 64;
constexpr std::array names_of_results = {"pkt_first",  "pkt_last",  "sp",          "spdr_state",
                                         "spdr_start", "spdr_stop", "spdr_reason", "config",
                                         "jobId",      "observed",  "lossy"};

bool is_null(const json::object& members, std::string_view name) {
  const json::value* value = members.if_contains(name);
  return value == nullptr || value->is_null();
}

std::optional<std::uint64_t> number(const json::object& members, std::string_view name, std::uint64_t most) {
  const json::value* value = members.if_contains(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_uint64() && value->get_uint64() <= most) return value->get_uint64();
  if (value->is_int64() && value->get_int64() >= 0 && static_cast<std::uint64_t>(value->get_int64()) <= most)
    return static_cast<std::uint64_t>(value->get_int64());
  return std::nullopt;
}

std::optional<bool> truth(const json::object& members, std::string_view name) {
  const json::value* value = members.if_contains(name);
  if (value == nullptr || !value->is_bool()) return std::nullopt;
  return value->get_bool();
}

std::optional<IpAddress> address(const json::object& members, std::string_view name) {
  const json::value* value = members.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return IpAddress::parse(value->get_string());
}

// A time that was never set is null.
bool take_time(const json::object& members, std::string_view name, Timestamp& time) {
  if (is_null(members, name)) return true;
  const json::value& value = members.at(name);
  if (!value.is_string()) return false;
  const auto parsed = parse_time(value.get_string());
  if (parsed) time = *parsed;
  return parsed.has_value();
}

// Seconds; the next microsecond, since a double is not exact.
Timestamp seconds_of(const json::object& members, std::string_view name) {
  const json::value* value = members.if_contains(name);
  double seconds = 0;
  if (value != nullptr && value->is_double()) seconds = value->get_double();
  constexpr double most = 9e9;
  if (!std::isfinite(seconds) || seconds < 0 || seconds > most) return {};
  return Timestamp(std::chrono::microseconds(std::llround(std::ceil(seconds * 1e6))));
}

const json::array* array(const json::object& members, std::string_view name) {
  const json::value* value = members.if_contains(name);
  return value != nullptr && value->is_array() ? &value->get_array() : nullptr;
}

}  // namespace

ResultReader::ResultReader(const ChainSet& chains)
    : not_of_connectors_(names_of_results.begin(), names_of_results.end()) {
  for (const auto& placed : chains.chains()) {
    for (const Field& field : placed.chain->fields) not_of_connectors_.emplace_back(field.name);
  }
  std::ranges::sort(not_of_connectors_);
}

Result<RecordedResult> ResultReader::read(std::string_view line) {
  auto job = job_reader_.read(line);
  if (!job) return error("it is no result: {}", job.error().reason);
  json::parse_options options;
  options.max_depth = deepest_result;
  boost::system::error_code problem;
  const json::value parsed = json::parse(line, problem, {}, options);
  if (problem || !parsed.is_object()) return error("it is no result: it cannot be read as JSON");
  const json::object& members = parsed.get_object();
  RecordedResult result;
  result.job = std::move(*job);
  const json::array* conditions = array(members, "conditions");
  if (conditions == nullptr) return error("it is no result: it has no conditions");
  const json::array* flows = array(members, "flow_results");
  if (flows == nullptr)
    return error(
        "it has no flow_results, which packets could be compared with; measure with --pcap or "
        "--output-flows");
  if (flows->size() > most_flows) return error("it has more than {} flow_results", most_flows);
  result.conditions = *conditions;
  result.flow_results = *flows;
  result.missed_flows = number(members, "missed_flows", most_flows).value_or(0);
  const IpAddress sip = address(members, "sip").value_or(IpAddress{});
  for (const json::value& told : *flows) {
    if (!told.is_object()) return error("one of its flow_results is no object");
    auto one = flow(told.get_object());
    if (!one) return tl::unexpected(one.error());
    if (one->connection.sip.version == IpVersion::none) one->connection.sip = sip;
    result.flows.push_back(std::move(*one));
  }
  if (!flows->empty())
    result.job.line = number(flows->front().get_object(), "jobId", std::numeric_limits<std::uint64_t>::max())
                          .value_or(result.job.line);
  return result;
}

Result<RecordedFlow> ResultReader::flow(const json::object& told) const {
  RecordedFlow flow;
  ConnectionRecord& connection = flow.connection;
  const auto state = number(told, "spdr_state", static_cast<std::uint64_t>(ConnectionState::discard));
  const auto observed = truth(told, "observed");
  const auto sp = number(told, "sp", 65535);
  if (!state) return error("one of its flow_results has no spdr_state");
  if (!observed) return error("one of its flow_results does not say whether it was observed");
  if (!sp && !is_null(told, "sp")) return error("one of its flow_results has an sp that is no port");
  if (!take_time(told, "spdr_start", connection.start) || !take_time(told, "spdr_stop", connection.stop))
    return error("one of its flow_results has a time that cannot be read");
  connection.state = static_cast<ConnectionState>(*state);
  connection.sp = static_cast<std::uint16_t>(sp.value_or(0));
  connection.sip = address(told, "sip").value_or(IpAddress{});
  if (const json::value* reason = told.if_contains("spdr_reason"); reason != nullptr && reason->is_string())
    connection.reason = std::string_view(reason->get_string());
  for (const auto& [name, value] : told) {
    if (!std::ranges::binary_search(not_of_connectors_, std::string_view(name))) connection.add(name, value);
  }
  flow.observed = *observed;
  flow.lossy = truth(told, "lossy").value_or(false);
  flow.dip = address(told, "dip").value_or(IpAddress{});
  flow.dp = static_cast<std::uint16_t>(number(told, "dp", 65535).value_or(0));
  flow.protocol = static_cast<std::uint8_t>(number(told, "proto", 255).value_or(0));
  if (flow.observed) flow.last = seconds_of(told, "pkt_last");
  return flow;
}

}  // namespace spiderling
