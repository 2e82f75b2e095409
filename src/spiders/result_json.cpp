#include "spiders/result_json.h"

#include <algorithm>
#include <chrono>
#include <initializer_list>

#include <fmt/format.h>

#include "base/json_text.h"
#include "kitchen/payload_json.h"

namespace spiderling {
namespace {

constexpr std::string_view own_names[] = {"pkt_first",  "pkt_last",  "sp",          "spdr_state",
                                          "spdr_start", "spdr_stop", "spdr_reason", "config",
                                          "jobId",      "observed",  "lossy"};

template <class Integer>
void append_number(Integer number, std::string& text) {
  const fmt::format_int digits(number);
  text.append(digits.data(), digits.size());
}

void append_bool(bool value, std::string& text) { text += value ? "true" : "false"; }

void append_address(const IpAddress& address, std::string& text) {
  if (address.version == IpVersion::none) {
    text += "null";
    return;
  }
  char room[max_address_text];
  text += '"';
  text.append(room, format_address(address, room));
  text += '"';
}

// A time that was never set is null.
void append_time(Timestamp time, std::string& text) {
  if (time == Timestamp{}) {
    text += "null";
    return;
  }
  text += '"';
  append_rfc3339(time, text);
  text += '"';
}

// What a connector found may be what a peer sent: whatever JSON cannot say is replaced, never passed on.
void append_value(const Payload& value, std::string& text) {
  if (const auto* string = value.if_string())
    return append_json_string(text, {string->data(), string->size()});
  const std::size_t before = text.size();
  if (append_payload(text, value) == nullptr) return;
  text.resize(before);
  text += "null";
}

char* put_digits(char* out, unsigned value, int digits) {
  for (int i = digits - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return out + digits;
}

struct Span {
  Timestamp from{};
  Timestamp to{};
};

// From the first connection's start to the last one's end.
Span time_of(std::span<const FlowResult> flows) {
  Span span;
  for (const FlowResult& flow : flows) {
    const ConnectionRecord& connection = *flow.connection;
    if (connection.start != Timestamp{} && (span.from == Timestamp{} || connection.start < span.from))
      span.from = connection.start;
    span.to = std::max(span.to, connection.stop);
  }
  return span;
}

void append_conditions(std::span<const Condition> conditions, std::string& text) {
  text += '[';
  const char* between = "";
  for (const Condition& condition : conditions) {
    text += between;
    between = ",";
    if (condition.value.empty()) {
      append_json_string(text, condition.name);
    } else {
      append_json_string(text, condition.to_string());
    }
  }
  text += ']';
}

bool brings_dip_asn(const JobResult& result) {
  if (result.members.empty()) return !result.job.member("dip_asn").is_null();
  Job changed;
  changed.members = result.members;
  return !changed.member("dip_asn").is_null();
}

// A job may have brought its own dip_asn, as `filter --asn` gives it.
void append_systems(const JobResult& result, std::string& text) {
  if (result.sip_asn != 0) {
    text += ",\"sip_asn\":";
    append_number(result.sip_asn, text);
  }
  if (result.dip_asn != 0 && !brings_dip_asn(result)) {
    text += ",\"dip_asn\":";
    append_number(result.dip_asn, text);
  }
}

void append_system_on_path(std::uint32_t number, std::string& text) {
  text += ",\"AS";
  append_number(number, text);
  text += '"';
}

}  // namespace

IpAddress source_of(std::span<const FlowResult> flows) {
  for (const FlowResult& flow : flows) {
    if (flow.connection->sip.version != IpVersion::none) return flow.connection->sip;
  }
  return {};
}

void append_rfc3339(Timestamp time, std::string& text) {
  const auto micros = std::chrono::floor<std::chrono::microseconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(micros);
  const std::chrono::year_month_day date(day);
  const auto of_day = static_cast<std::uint64_t>((micros - day).count());
  const auto seconds = static_cast<unsigned>(of_day / 1'000'000);
  char room[] = "2026-11-22T04:58:47.000123Z";
  // 64 bits of nanoseconds end in the year 2262: four digits are enough.
  put_digits(room, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put_digits(room + 5, static_cast<unsigned>(date.month()), 2);
  put_digits(room + 8, static_cast<unsigned>(date.day()), 2);
  put_digits(room + 11, seconds / 3600, 2);
  put_digits(room + 14, seconds / 60 % 60, 2);
  put_digits(room + 17, seconds % 60, 2);
  put_digits(room + 20, static_cast<unsigned>(of_day % 1'000'000), 6);
  text.append(room, sizeof room - 1);
}

ResultJson::ResultJson(const ChainSet& chains, bool with_flows)
    : flow_json_(chains), taken_names_(std::begin(own_names), std::end(own_names)), with_flows_(with_flows) {
  for (const auto& placed : chains.chains()) {
    for (const Field& field : placed.chain->fields) {
      if (std::string_view(field.name) == "sp") chains_have_sp_ = true;
      taken_names_.emplace_back(field.name);
    }
  }
  std::ranges::sort(taken_names_);
}

void ResultJson::append(const JobResult& result, std::string& text) const {
  const IpAddress sip = source_of(result.flows);
  const Span time = time_of(result.flows);
  const std::string_view members = result.members.empty() ? result.job.members : result.members;
  text += '{';
  text += members;
  text += members.empty() ? "\"sip\":" : ",\"sip\":";
  append_address(sip, text);
  append_systems(result, text);
  text += ",\"path\":[";
  append_address(sip, text);
  if (result.sip_asn != 0) append_system_on_path(result.sip_asn, text);
  if (result.dip_asn != 0) append_system_on_path(result.dip_asn, text);
  text += ',';
  append_address(result.job.dip, text);
  text += "],\"time\":{\"from\":";
  append_time(time.from, text);
  text += ",\"to\":";
  append_time(time.to, text);
  text += "},\"conditions\":";
  append_conditions(result.conditions, text);
  if (result.times > 0) {
    text += ",\"spdr_repeats\":";
    append_number(result.times, text);
  }
  if (result.attempts > 0) {
    text += ",\"spdr_attempts\":";
    append_number(result.attempts, text);
  }
  if (with_flows_) {
    text += ",\"missed_flows\":";
    append_number(result.missed_flows, text);
    text += ",\"flow_results\":[";
    for (std::size_t config = 0; config < result.flows.size(); ++config) {
      if (config > 0) text += ',';
      append_flow(result, config, text);
    }
    text += ']';
  }
  text += "}\n";
}

void ResultJson::append_flow(const JobResult& result, std::size_t config, std::string& text) const {
  const FlowResult& flow = result.flows[config];
  const ConnectionRecord& connection = *flow.connection;
  const bool observed = flow.states != nullptr;
  text += '{';
  if (observed) {
    flow_json_.append_members({flow.first, flow.last, flow.states, nullptr}, text);
    text += ',';
  }
  if (!observed || !chains_have_sp_) {
    text += "\"sp\":";
    if (connection.sp == 0) {
      text += "null";
    } else {
      append_number(connection.sp, text);
    }
    text += ',';
  }
  text += "\"spdr_state\":";
  append_number(static_cast<unsigned>(connection.state), text);
  text += ",\"spdr_start\":";
  append_time(connection.start, text);
  text += ",\"spdr_stop\":";
  append_time(connection.stop, text);
  if (!connection.reason.empty()) {
    text += ",\"spdr_reason\":";
    append_json_string(text, connection.reason);
  }
  text += ",\"config\":";
  append_number(config, text);
  text += ",\"jobId\":";
  append_number(result.job.line, text);
  text += ",\"observed\":";
  append_bool(observed, text);
  text += ",\"lossy\":";
  append_bool(flow.lossy, text);
  append_connector_fields(connection, text);
  text += '}';
}

void ResultJson::append_connector_fields(const ConnectionRecord& connection, std::string& text) const {
  const auto& fields = connection.fields;
  for (auto field = fields.begin(); field != fields.end(); ++field) {
    const auto is_the_same = [&](const auto& other) { return other.first == field->first; };
    // Of a field that was added twice the last counts.
    if (is_taken(field->first) || std::any_of(field + 1, fields.end(), is_the_same)) continue;
    text += ',';
    append_json_string(text, field->first);
    text += ':';
    append_value(field->second, text);
  }
}

bool ResultJson::is_taken(std::string_view name) const {
  return std::binary_search(taken_names_.begin(), taken_names_.end(), name);
}

}  // namespace spiderling
