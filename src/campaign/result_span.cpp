#include "campaign/result_span.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include <simdjson.h>

#include "campaign/result_lines.h"
#include "campaign/time_text.h"

namespace spiderling {

namespace ondemand = simdjson::ondemand;

static_assert(LineSplitter::padding >= simdjson::SIMDJSON_PADDING);

namespace {

/// Finds the times of a line, and looks at nothing else.
class TimeReader {
 public:
  struct Times {
    std::optional<Timestamp> from;
    std::optional<Timestamp> to;
  };

  Times read(std::string_view line) {
    ondemand::document document;
    ondemand::object root;
    ondemand::object time;
    const simdjson::padded_string_view padded(line.data(), line.size(), line.size() + LineSplitter::padding);
    if (parser_.iterate(padded).get(document) != simdjson::SUCCESS ||
        document.get_object().get(root) != simdjson::SUCCESS ||
        root.find_field_unordered("time").get_object().get(time) != simdjson::SUCCESS)
      return {};
    Times times;
    times.from = member(time, "from");
    times.to = member(time, "to");
    return times;
  }

 private:
  static std::optional<Timestamp> member(ondemand::object& time, std::string_view name) {
    std::string_view text;
    if (time.find_field_unordered(name).get_string().get(text) != simdjson::SUCCESS) return std::nullopt;
    return parse_time(text);
  }

  ondemand::parser parser_;
};

}  // namespace

Result<ResultSpan> span_of_results(const std::string& path) {
  auto lines = ResultLines::open(path);
  if (!lines) return tl::unexpected(lines.error());
  ResultSpan span;
  TimeReader reader;
  ResultLines::Line line;
  bool found = false;
  while ((*lines)->next(line)) {
    ++span.lines;
    TimeReader::Times times;
    if (!line.too_long) times = reader.read(line.text);
    if (!times.from || !times.to) {
      ++span.without_time;
      continue;
    }
    span.from = found ? std::min(span.from, *times.from) : *times.from;
    span.to = found ? std::max(span.to, *times.to) : *times.to;
    found = true;
  }
  if (!(*lines)->damage().empty()) return error("{}: {}", path, (*lines)->damage());
  if (!found) return error("{}: no line of it is a result with a time", path);
  return span;
}

}  // namespace spiderling
