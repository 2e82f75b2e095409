#include "hub/metric_lines.h"

#include <fmt/format.h>

#include "base/json_text.h"

namespace spiderling {

void append_help(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  fmt::format_to(std::back_inserter(out), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

// A label's value has a backslash before quotes, backslashes and newlines; JSON's other escapes would be
// taken literally, so they are left out, as are other control characters.
void append_label(std::string& out, std::string_view key, std::string_view value) {
  std::string json;
  append_json_string(json, value);
  fmt::format_to(std::back_inserter(out), "{}=\"", key);
  for (std::size_t i = 1; i + 1 < json.size(); ++i) {
    if (json[i] != '\\') {
      out += json[i];
      continue;
    }
    const char escaped = json[++i];
    if (escaped == 'u') {
      out += '?';
      i += 4;
    } else if (escaped == '"' || escaped == '\\' || escaped == 'n') {
      out += '\\';
      out += escaped;
    } else {
      out += ' ';
    }
  }
  out += '"';
}

}  // namespace spiderling
