#include <string>

#include "dumplings/flow_record_json.h"

namespace spiderling {

namespace {

std::string_view json_type(const Field& field) {
  switch (field.type) {
    case FieldType::boolean: return field.nullable ? R"(["boolean","null"])" : R"("boolean")";
    case FieldType::f64: return R"(["number","null"])";
    case FieldType::address: return R"(["string","null"])";
    case FieldType::any: return "";
    default: return field.nullable ? R"(["integer","null"])" : R"("integer")";
  }
}

std::string bounds(const Field& field) {
  switch (field.type) {
    case FieldType::u8: return R"(,"minimum":0,"maximum":255)";
    case FieldType::u16: return R"(,"minimum":0,"maximum":65535)";
    case FieldType::u32: return R"(,"minimum":0,"maximum":4294967295)";
    case FieldType::u64: return R"(,"minimum":0)";
    default: return "";
  }
}

// Meanings and names are string literals of a plugin: quotes and backslashes are all that can stand in them.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + '"';
}

struct Members {
  std::string properties;
  std::string required;

  void add(std::string_view name, std::string_view type, std::string_view limits, std::string_view meaning) {
    if (!properties.empty()) {
      properties += ',';
      required += ',';
    }
    const std::string typed = type.empty() ? "" : fmt::format("\"type\":{}{},", type, limits);
    properties += fmt::format("{}:{{{}\"description\":{}}}", quoted(name), typed, quoted(meaning));
    required += quoted(name);
  }
};

Members members_of(const ChainSet& chains) {
  Members members;
  members.add("pkt_first", "\"number\"", "", "time of the first packet, seconds since the epoch");
  for (const auto& placed : chains.chains()) {
    for (const Field& field : placed.chain->fields)
      members.add(field.name, json_type(field), bounds(field), field.meaning);
  }
  members.add("pkt_last", "\"number\"", "", "time of the last packet, seconds since the epoch");
  return members;
}

}  // namespace

std::string flow_record_properties(const ChainSet& chains) { return members_of(chains).properties; }

std::string flow_record_schema(const ChainSet& chains) {
  const Members members = members_of(chains);
  // A foreign chain may say more than it has declared.
  return fmt::format(
      "{{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"spiderling flow record\","
      "\"type\":\"object\",\"properties\":{{{},\"{}\":{{\"type\":\"array\",\"items\":{{\"type\":\"string\"}},"
      "\"description\":\"only if there are any: chains that failed over this flow, whose fields are not to "
      "be "
      "relied on\"}}}},\"required\":[{}],\"additionalProperties\":{}}}\n",
      members.properties, failed_chains_field, members.required, !chains.foreign().empty());
}

}  // namespace spiderling
