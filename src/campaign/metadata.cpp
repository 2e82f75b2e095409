#include "campaign/metadata.h"

#include <filesystem>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "campaign/whole_file.h"

namespace spiderling {

namespace json = boost::json;

namespace {

constexpr std::size_t largest_file = 64u << 20;
constexpr std::size_t short_value = 100;  // characters that stand in one line
constexpr std::size_t deepest = 32;

void append(const json::value& value, std::size_t indent, std::string& text) {
  const std::string in_one_line = json::serialize(value);
  const bool has_parts =
      (value.is_object() && !value.get_object().empty()) || (value.is_array() && !value.get_array().empty());
  const bool is_short = indent > 0 && in_one_line.size() + indent <= short_value;
  if (!has_parts || is_short) {
    text += in_one_line;
    return;
  }
  const std::string inner(indent + 2, ' ');
  const char* between = "\n";
  text += value.is_object() ? '{' : '[';
  if (value.is_object()) {
    for (const auto& [name, member] : value.get_object()) {
      text += between + inner + json::serialize(json::string(name)) + ": ";
      append(member, indent + 2, text);
      between = ",\n";
    }
  } else {
    for (const json::value& element : value.get_array()) {
      text += between + inner;
      append(element, indent + 2, text);
      between = ",\n";
    }
  }
  text += '\n' + std::string(indent, ' ') + (value.is_object() ? '}' : ']');
}

}  // namespace

std::string metadata_path(const std::string& file) { return file + ".meta.json"; }

std::string metadata_text(const json::object& members) {
  std::string text;
  append(members, 0, text);
  return text + '\n';
}

Result<json::object> read_metadata(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return json::object();
  const auto text = read_whole_file(path, largest_file);
  if (!text) return tl::unexpected(text.error());
  json::parse_options options;
  options.max_depth = deepest;
  boost::system::error_code problem;
  json::value value = json::parse(*text, problem, {}, options);
  if (problem || !value.is_object()) return error("{} is no metadata (a JSON object); move it away", path);
  return std::move(value.get_object());
}

std::string text_member(const json::object& members, std::string_view name) {
  const json::value* value = members.if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return std::string(std::string_view(value->get_string()));
}

}  // namespace spiderling
