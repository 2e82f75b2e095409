#include "python/spider_record.h"

#include <algorithm>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "python/spider_plugin.h"

namespace spiderling::python {

namespace json = boost::json;

namespace {

constexpr std::size_t most_depth = 100;  // of JSON; pathspider/_records.py says less

}  // namespace

std::string fields_json(const ConnectionRecord& record) {
  json::object fields;
  for (const auto& [name, value] : record.fields) fields[name] = value;
  return json::serialize(fields);
}

void add_fields(ConnectionRecord& record, std::string_view text) {
  json::parse_options options;
  options.max_depth = most_depth;
  const json::value fields = json::parse({text.data(), text.size()}, {}, options);
  for (const json::key_value_pair& one : fields.as_object()) record.add(std::string(one.key()), one.value());
}

SpiderCall::Told told_of_connection(PyObject* told) {
  const std::vector<Ref> parts = items_in(told);
  SpiderCall::Told into;
  into.state = static_cast<ConnectionState>(number_in(parts.at(0).get()));
  into.sp = static_cast<std::uint16_t>(std::clamp<std::int64_t>(number_in(parts.at(1).get()), 0, 65535));
  into.sip = text_in(parts.at(2).get());
  into.fields = text_in(parts.at(3).get());
  return into;
}

void fill(ConnectionRecord& record, const SpiderCall& call) {
  const SpiderCall::Told& told = call.told;
  record.state = told.state;
  record.sp = told.sp != 0 ? told.sp : call.connected.sp;
  if (record.sp == call.connected.sp) record.sip = call.connected.sip;
  if (record.sip.version == IpVersion::none) {
    if (const auto sip = IpAddress::parse(told.sip)) record.sip = *sip;
  }
  if (record.state != ConnectionState::ok && record.state == call.connected.state)
    record.reason = call.connected.reason;
  record.fields.clear();
  if (!told.fields.empty()) add_fields(record, told.fields);
}

}  // namespace spiderling::python
