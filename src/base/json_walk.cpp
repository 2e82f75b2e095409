#include "base/json_walk.h"

#include "base/json_tokens.h"

namespace spiderling::json_walk {

namespace ondemand = simdjson::ondemand;

const Problem not_json = "it is not JSON";
const Problem not_utf8 = "it is not UTF-8";
const Problem too_deep = "it is nested too deeply";

Problem describe(simdjson::error_code code) {
  switch (code) {
    case simdjson::SUCCESS: return nullptr;
    case simdjson::EMPTY: return "it is empty";
    case simdjson::UTF8_ERROR: return not_utf8;
    case simdjson::UNCLOSED_STRING: return "it is not JSON: a string does not end";
    case simdjson::UNESCAPED_CHARS: return "it is not JSON: a control character in a string";
    case simdjson::MEMALLOC: return "there is no memory to read it";
    case simdjson::CAPACITY: return "it is too long";
    case simdjson::STRING_ERROR: return "it is not JSON: a string with a wrong escape";
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT: return "it is not JSON: it ends too early";
    case simdjson::DEPTH_ERROR: return too_deep;
    default: return not_json;
  }
}

namespace {

Problem check_object(ondemand::object object, unsigned depth, unsigned max_depth) {
  for (auto field : object) {
    ondemand::value value;
    ondemand::raw_json_string key;
    if (const auto code = field.key().get(key)) return describe(code);
    if (!json_tokens::is_string_body(key.raw())) return "it is not JSON: a key with a wrong escape";
    if (const auto code = field.value().get(value)) return describe(code);
    if (const Problem problem = check_value(value, depth, max_depth)) return problem;
  }
  return nullptr;
}

Problem check_array(ondemand::array array, unsigned depth, unsigned max_depth) {
  for (auto element : array) {
    ondemand::value value;
    if (const auto code = element.get(value)) return describe(code);
    if (const Problem problem = check_value(value, depth, max_depth)) return problem;
  }
  return nullptr;
}

}  // namespace

Problem check_value(ondemand::value value, unsigned depth, unsigned max_depth) {
  if (depth > max_depth) return too_deep;
  const std::string_view token = value.raw_json_token();
  if (token.empty()) return not_json;
  if (token[0] == '{') {
    ondemand::object object;
    if (const auto code = value.get_object().get(object)) return describe(code);
    return check_object(object, depth + 1, max_depth);
  }
  if (token[0] == '[') {
    ondemand::array array;
    if (const auto code = value.get_array().get(array)) return describe(code);
    return check_array(array, depth + 1, max_depth);
  }
  if (!json_tokens::is_scalar(token)) return "it is not JSON: a value that is none";
  if (token[0] != '"') return nullptr;
  // Stepped over, not left for On-Demand to skip: it would take a string before a colon for a key.
  ondemand::raw_json_string consumed;
  return describe(value.get_raw_json_string().get(consumed));
}

Problem take_raw(ondemand::document& document, ondemand::value value, std::string_view& raw, unsigned depth,
                 unsigned max_depth) {
  const std::string_view token = value.raw_json_token();
  if (const Problem problem = check_value(value, depth, max_depth)) return problem;
  raw = json_tokens::trimmed(token);
  if (token[0] == '{' || token[0] == '[') {
    const char* next = nullptr;  // the token behind the value
    if (const auto code = document.current_location().get(next)) return describe(code);
    raw = json_tokens::trimmed({token.data(), static_cast<std::size_t>(next - token.data())});
  }
  return nullptr;
}

Problem take_text(ondemand::value value, std::string_view& text, Problem wrong_type) {
  if (value.raw_json_token().substr(0, 1) != "\"") return wrong_type;
  return describe(value.get_string().get(text));
}

Problem check_end(ondemand::document& document) {
  return document.current_location().error() ? nullptr : "it is not JSON: something follows its end";
}

}  // namespace spiderling::json_walk
