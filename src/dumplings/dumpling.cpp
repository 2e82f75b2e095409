#include "dumplings/dumpling.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <string>

#include <simdjson.h>

#include "dumplings/json_tokens.h"

namespace spiderling {

namespace ondemand = simdjson::ondemand;

static_assert(DumplingReader::padding >= simdjson::SIMDJSON_PADDING);

namespace {

// What is wrong, as a literal; nullptr: nothing.
using Problem = const char*;

constexpr Problem not_json = "it is not JSON";

Problem describe(simdjson::error_code code) {
  switch (code) {
    case simdjson::SUCCESS: return nullptr;
    case simdjson::EMPTY: return "it is empty";
    case simdjson::UTF8_ERROR: return "it is not UTF-8";
    case simdjson::UNCLOSED_STRING: return "it is not JSON: a string does not end";
    case simdjson::UNESCAPED_CHARS: return "it is not JSON: a control character in a string";
    case simdjson::MEMALLOC: return "there is no memory to read it";
    case simdjson::CAPACITY: return "it is too long";
    case simdjson::STRING_ERROR: return "it is not JSON: a string with a wrong escape";
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT: return "it is not JSON: it ends too early";
    default: return not_json;
  }
}

struct Found {
  DumplingView view;
  std::string_view creation_time;  // its token
  bool metadata = false, chef = false, kitchen = false, driver = false, created = false, payload = false;
};

// Every value is walked, and every scalar checked: On-Demand itself looks only at what it is asked for.
Problem check_value(ondemand::value value, unsigned depth);

Problem check_object(ondemand::object object, unsigned depth) {
  for (auto field : object) {
    ondemand::value value;
    ondemand::raw_json_string key;
    if (const auto code = field.key().get(key)) return describe(code);
    if (!json_tokens::is_string_body(key.raw())) return "it is not JSON: a key with a wrong escape";
    if (const auto code = field.value().get(value)) return describe(code);
    if (const Problem problem = check_value(value, depth)) return problem;
  }
  return nullptr;
}

Problem check_array(ondemand::array array, unsigned depth) {
  for (auto element : array) {
    ondemand::value value;
    if (const auto code = element.get(value)) return describe(code);
    if (const Problem problem = check_value(value, depth)) return problem;
  }
  return nullptr;
}

Problem check_value(ondemand::value value, unsigned depth) {
  if (depth > DumplingReader::max_depth) return "it is nested too deeply";
  const std::string_view token = value.raw_json_token();
  if (token.empty()) return not_json;
  if (token[0] == '{') {
    ondemand::object object;
    if (const auto code = value.get_object().get(object)) return describe(code);
    return check_object(object, depth + 1);
  }
  if (token[0] == '[') {
    ondemand::array array;
    if (const auto code = value.get_array().get(array)) return describe(code);
    return check_array(array, depth + 1);
  }
  if (!json_tokens::is_scalar(token)) return "it is not JSON: a value that is none";
  if (token[0] != '"') return nullptr;
  // Stepped over, not left for On-Demand to skip: it would take a string before a colon for a key.
  ondemand::raw_json_string consumed;
  return describe(value.get_raw_json_string().get(consumed));
}

Problem take_text(ondemand::value value, std::string_view& text, Problem wrong_type) {
  if (value.raw_json_token().substr(0, 1) != "\"") return wrong_type;
  return describe(value.get_string().get(text));
}

Problem take_metadata_field(std::string_view key, ondemand::value value, Found& found) {
  DumplingView& view = found.view;
  if (key == "chef") {
    found.chef = true;
    return take_text(value, view.chef, "metadata.chef is not a string");
  }
  if (key == "driver") {
    found.driver = true;
    return take_text(value, view.driver, "metadata.driver is not a string");
  }
  if (key == "kitchen") {
    found.kitchen = true;
    view.kitchen.reset();
    if (json_tokens::trimmed(value.raw_json_token()) == "null") return nullptr;
    return take_text(value, view.kitchen.emplace(), "metadata.kitchen is neither a string nor null");
  }
  if (key == "creation_time") {
    found.created = true;
    found.creation_time = json_tokens::trimmed(value.raw_json_token());
    return json_tokens::is_number(found.creation_time) ? nullptr : "metadata.creation_time is not a number";
  }
  return check_value(value, 3);
}

Problem take_metadata(ondemand::value value, Found& found) {
  Found afresh;
  afresh.metadata = true;
  afresh.payload = found.payload;
  afresh.view.payload = found.view.payload;
  found = afresh;
  if (value.raw_json_token().substr(0, 1) != "{") return "metadata is not an object";
  ondemand::object metadata;
  if (const auto code = value.get_object().get(metadata)) return describe(code);
  for (auto field : metadata) {
    std::string_view key;
    ondemand::value member;
    if (const auto code = field.unescaped_key().get(key)) return describe(code);
    if (const auto code = field.value().get(member)) return describe(code);
    if (const Problem problem = take_metadata_field(key, member, found)) return problem;
  }
  return nullptr;
}

Problem take_payload(ondemand::document& document, ondemand::value value, Found& found) {
  const std::string_view token = value.raw_json_token();
  if (const Problem problem = check_value(value, 2)) return problem;
  found.payload = json_tokens::trimmed(token) != "null";
  found.view.payload = json_tokens::trimmed(token);
  if (token[0] == '{' || token[0] == '[') {
    const char* next = nullptr;  // the token behind the payload
    if (const auto code = document.current_location().get(next)) return describe(code);
    found.view.payload = json_tokens::trimmed({token.data(), static_cast<std::size_t>(next - token.data())});
  }
  return nullptr;
}

Problem check_complete(Found& found) {
  if (!found.metadata) return "it has no metadata";
  if (!found.chef) return "it has no metadata.chef";
  if (!found.kitchen) return "it has no metadata.kitchen";
  if (!found.driver) return "it has no metadata.driver";
  if (!found.created) return "it has no metadata.creation_time";
  if (!found.payload) return "it has no payload";
  if (found.view.driver != "packet" && found.view.driver != "interval") {
    return "metadata.driver is neither packet nor interval";
  }
  const char* end = found.creation_time.data() + found.creation_time.size();
  const auto [stopped, code] = std::from_chars(found.creation_time.data(), end, found.view.creation_time);
  if (code != std::errc() || stopped != end) return "metadata.creation_time is not a time";
  return nullptr;
}

Problem walk(ondemand::document& document, Found& found) {
  ondemand::object root;
  if (const auto code = document.get_object().get(root)) {
    return code == simdjson::INCORRECT_TYPE ? "it is not a JSON object" : describe(code);
  }
  for (auto field : root) {
    std::string_view key;
    ondemand::value value;
    if (const auto code = field.unescaped_key().get(key)) return describe(code);
    if (const auto code = field.value().get(value)) return describe(code);
    const Problem problem = key == "metadata"  ? take_metadata(value, found)
                            : key == "payload" ? take_payload(document, value, found)
                                               : check_value(value, 2);
    if (problem != nullptr) return problem;
  }
  if (!document.current_location().error()) return "it is not JSON: something follows its end";
  return check_complete(found);
}

}  // namespace

struct DumplingReader::State {
  ondemand::parser parser;
  std::string copy;
};

DumplingReader::DumplingReader() : state_(std::make_unique<State>()) {}
DumplingReader::~DumplingReader() = default;
DumplingReader::DumplingReader(DumplingReader&&) noexcept = default;
DumplingReader& DumplingReader::operator=(DumplingReader&&) noexcept = default;

Result<DumplingView> DumplingReader::read(std::string_view text) {
  state_->copy.assign(text);
  state_->copy.append(padding, ' ');
  return read_padded(std::string_view(state_->copy).substr(0, text.size()));
}

Result<DumplingView> DumplingReader::read_padded(std::string_view text) {
  Found found;
  ondemand::document document;
  const simdjson::padded_string_view padded(text.data(), text.size(), text.size() + padding);
  Problem problem = describe(state_->parser.iterate(padded).get(document));
  if (problem == nullptr) problem = walk(document, found);
  if (problem != nullptr) return error("{}", problem);
  return found.view;
}

}  // namespace spiderling
