#include "dumplings/dumpling.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <string>

#include <simdjson.h>

#include "base/json_tokens.h"
#include "base/json_walk.h"

namespace spiderling {

namespace ondemand = simdjson::ondemand;

static_assert(DumplingReader::padding >= simdjson::SIMDJSON_PADDING);

namespace {

using json_walk::describe;
using json_walk::Problem;
using json_walk::take_text;

struct Found {
  DumplingView view;
  std::string_view creation_time;  // its token
  bool metadata = false, chef = false, kitchen = false, driver = false, created = false, payload = false;
};

Problem check_value(ondemand::value value, unsigned depth) {
  return json_walk::check_value(value, depth, DumplingReader::max_depth);
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
  constexpr unsigned depth = 2;
  const Problem problem =
      json_walk::take_raw(document, value, found.view.payload, depth, DumplingReader::max_depth);
  found.payload = problem == nullptr && found.view.payload != "null";
  return problem;
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
  if (const Problem problem = json_walk::check_end(document)) return problem;
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
