// A strict reader of JSON, and as much of JSON Schema as our schemas use. Only for tests.
#pragma once

#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace spiderling::testing {

/// A JSON value. Numbers keep their text, so that nothing is lost to a double.
struct Json {
  enum Kind { null, boolean, number, string, array, object };
  Kind kind = null;
  bool truth = false;
  std::string text;  ///< of a number, or a string without its escapes
  std::vector<Json> items;
  std::vector<std::pair<std::string, Json>> members;  ///< in their order

  /// Nullopt for anything that is not exactly one JSON value (RFC 8259), and for an object with a key twice.
  static std::optional<Json> parse(std::string_view input);

  const Json* find(std::string_view key) const {
    for (const auto& [name, value] : members) {
      if (name == key) return &value;
    }
    return nullptr;
  }
  /// The value as it would be written: "null", "true", 12, "text" in quotes.
  std::string show() const {
    switch (kind) {
      case null: return "null";
      case boolean: return truth ? "true" : "false";
      case number: return text;
      case string: return '"' + text + '"';
      default: return "(nested)";
    }
  }
  /// show() of a member, "(none)" if there is none of that name.
  std::string operator[](std::string_view key) const {
    const Json* member = find(key);
    return member == nullptr ? "(none)" : member->show();
  }
  double as_double() const {
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }
  bool is_integer() const { return kind == number && text.find_first_of(".eE") == std::string::npos; }
};

class JsonReader {
 public:
  explicit JsonReader(std::string_view input) : rest_(input) {}

  std::optional<Json> document() {
    Json value;
    if (!read(value)) return std::nullopt;
    space();
    if (!rest_.empty()) return std::nullopt;
    return value;
  }

 private:
  void space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }
  bool take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  bool read(Json& value) {
    space();
    if (rest_.empty()) return false;
    switch (rest_.front()) {
      case '{': return read_object(value);
      case '[': return read_array(value);
      case '"': value.kind = Json::string; return read_string(value.text);
      case 't':
        value.kind = Json::boolean;
        value.truth = true;
        return take("true");
      case 'f': value.kind = Json::boolean; return take("false");
      case 'n': return take("null");
      default: return read_number(value);
    }
  }
  bool read_object(Json& value) {
    value.kind = Json::object;
    take("{");
    space();
    if (take("}")) return true;
    do {
      space();
      std::string key;
      Json member;
      if (!read_string(key) || value.find(key) != nullptr) return false;
      space();
      if (!take(":") || !read(member)) return false;
      value.members.emplace_back(std::move(key), std::move(member));
      space();
    } while (take(","));
    return take("}");
  }
  bool read_array(Json& value) {
    value.kind = Json::array;
    take("[");
    space();
    if (take("]")) return true;
    do {
      if (!read(value.items.emplace_back())) return false;
      space();
    } while (take(","));
    return take("]");
  }
  bool read_string(std::string& text) {
    if (!take("\"")) return false;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') {
        text += c;
        continue;
      }
      if (rest_.empty() || (rest_.front() != '"' && rest_.front() != '\\'))
        return false;  // all that we write
      text += rest_.front();
      rest_.remove_prefix(1);
    }
    return false;
  }
  std::size_t digits() {
    const std::size_t count = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    rest_.remove_prefix(count);
    return count;
  }
  bool read_number(Json& value) {
    value.kind = Json::number;
    const std::string_view start = rest_;
    take("-");
    if (!take("0") && digits() == 0) return false;
    if (take(".") && digits() == 0) return false;
    if (take("e") || take("E")) {
      if (!take("+")) take("-");
      if (digits() == 0) return false;
    }
    value.text = start.substr(0, start.size() - rest_.size());
    return true;
  }
  std::string_view rest_;
};

inline std::optional<Json> Json::parse(std::string_view input) { return JsonReader(input).document(); }

/// What is wrong with `value` by `schema`; empty if nothing is. Knows type, minimum, maximum, items,
/// properties, required and additionalProperties: false.
inline std::string violation(const Json& schema, const Json& value, const std::string& where = "$") {
  const auto is = [&](const std::string& type) {
    switch (value.kind) {
      case Json::null: return type == "null";
      case Json::boolean: return type == "boolean";
      case Json::number: return type == "number" || (type == "integer" && value.is_integer());
      case Json::string: return type == "string";
      case Json::array: return type == "array";
      case Json::object: return type == "object";
    }
    return false;
  };
  if (const Json* type = schema.find("type")) {
    bool any = type->kind == Json::string && is(type->text);
    for (const Json& one : type->items) any |= is(one.text);
    if (!any) return where + " has the wrong type: " + value.show();
  }
  if (value.kind == Json::number) {
    const Json *minimum = schema.find("minimum"), *maximum = schema.find("maximum");
    if (minimum && value.as_double() < minimum->as_double()) return where + " is too small: " + value.text;
    if (maximum && value.as_double() > maximum->as_double()) return where + " is too large: " + value.text;
  }
  if (const Json* items = schema.find("items")) {
    for (const Json& item : value.items) {
      if (auto wrong = violation(*items, item, where + "[]"); !wrong.empty()) return wrong;
    }
  }
  if (value.kind != Json::object) return {};
  if (const Json* required = schema.find("required")) {
    for (const Json& name : required->items) {
      if (value.find(name.text) == nullptr) return where + " lacks " + name.text;
    }
  }
  const Json* properties = schema.find("properties");
  const Json* additional = schema.find("additionalProperties");
  for (const auto& [name, member] : value.members) {
    const Json* of_member = properties != nullptr ? properties->find(name) : nullptr;
    if (of_member == nullptr) {
      if (additional != nullptr && additional->kind == Json::boolean && !additional->truth)
        return where + " has " + name;
      continue;
    }
    if (auto wrong = violation(*of_member, member, where + "." + name); !wrong.empty()) return wrong;
  }
  return {};
}

}  // namespace spiderling::testing
