#include "base/log.h"

#include <atomic>
#include <cmath>

#include <fmt/chrono.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/json_text.h"

namespace spiderling::log {
namespace {

std::atomic<Level> lowest_level{Level::info};
std::atomic<Format> chosen_format{Format::text};

struct LevelName {
  std::string_view name;
  std::string_view shown;
};
constexpr LevelName level_names[] = {
    {"debug", "DEBUG"}, {"info", "INFO"}, {"warning", "WARN"}, {"error", "ERROR"}, {"off", "OFF"}};

const LevelName& name_of(Level level) { return level_names[static_cast<std::size_t>(level)]; }

// spdlog has the file handle, the lock and the flushing; the line is ours, since values need escaping.
spdlog::logger& logger() {
  static const auto the_logger = [] {
    auto made =
        std::make_shared<spdlog::logger>("spiderling", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *the_logger;
}

void append_utc(std::string& out, std::chrono::system_clock::time_point time) {
  const auto since_epoch = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  fmt::format_to(std::back_inserter(out), "{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                 fmt::gmtime(static_cast<std::time_t>(seconds.count())), (since_epoch - seconds).count());
}

// As logfmt has it: bare where nothing can be misread, else in quotes.
void append_text_value(std::string& out, std::string_view value) {
  bool bare = !value.empty();
  for (const char c : value) {
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || static_cast<unsigned char>(c) >= 0x7f) bare = false;
  }
  if (bare) {
    out += value;
  } else {
    append_json_string(out, value);
  }
}

void append_value(std::string& out, const Field::Value& value, Format format) {
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    format == Format::json ? append_json_string(out, *text) : append_text_value(out, *text);
  } else if (const auto* number = std::get_if<double>(&value)) {
    std::isfinite(*number) ? fmt::format_to(std::back_inserter(out), "{}", *number)
                           : fmt::format_to(std::back_inserter(out), "null");
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    out += *flag ? "true" : "false";
  } else if (const auto* count = std::get_if<std::uint64_t>(&value)) {
    fmt::format_to(std::back_inserter(out), "{}", *count);
  } else {
    fmt::format_to(std::back_inserter(out), "{}", std::get<std::int64_t>(value));
  }
}

}  // namespace

Result<Level> parse_level(std::string_view name) {
  for (std::size_t i = 0; i < std::size(level_names); ++i) {
    if (level_names[i].name == name) return static_cast<Level>(i);
  }
  return spiderling::error("there is no log level '{}': debug, info, warning, error or off", name);
}

Result<Format> parse_format(std::string_view name) {
  if (name == "text") return Format::text;
  if (name == "json") return Format::json;
  return spiderling::error("there is no log format '{}': text or json", name);
}

void configure(Level level, Format format) {
  lowest_level = level;
  chosen_format = format;
}

bool enabled(Level level) {
  return level >= lowest_level.load(std::memory_order_relaxed) && level != Level::off;
}

std::string format_line(Format format, std::chrono::system_clock::time_point time, Level level,
                        std::string_view event, Fields fields) {
  std::string line;
  if (format == Format::json) {
    line += R"({"time":")";
    append_utc(line, time);
    fmt::format_to(std::back_inserter(line), R"(","level":"{}","event":)", name_of(level).name);
    append_json_string(line, event);
    for (const Field& field : fields) {
      line += ',';
      append_json_string(line, field.key);
      line += ':';
      append_value(line, field.value, format);
    }
    return line += '}';
  }
  append_utc(line, time);
  fmt::format_to(std::back_inserter(line), " {:<5} {}", name_of(level).shown, event);
  for (const Field& field : fields) {
    fmt::format_to(std::back_inserter(line), " {}=", field.key);
    append_value(line, field.value, format);
  }
  return line;
}

void write(Level level, std::string_view event, Fields fields) {
  if (!enabled(level)) return;
  const std::string line = format_line(chosen_format.load(std::memory_order_relaxed),
                                       std::chrono::system_clock::now(), level, event, fields);
  logger().log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace spiderling::log
