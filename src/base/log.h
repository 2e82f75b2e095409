// The program's log: one event a line on standard error, in UTC, for people (text) or for machines (json).
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "base/error.h"

namespace spiderling::log {

enum class Level : std::uint8_t { debug, info, warning, error, off };
enum class Format : std::uint8_t { text, json };

/// The names that --log-level and --log-format take: "debug", "info", "warning", "error", "off"; "text",
/// "json".
Result<Level> parse_level(std::string_view name);
Result<Format> parse_format(std::string_view name);

/// What an event is about, by name. The value is borrowed until the call returns.
struct Field {
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  std::string_view key;
  Value value;

  template <class T>
  Field(std::string_view name, const T& given) : key(name), value(convert(given)) {}

 private:
  template <class T>
  static Value convert(const T& given) {
    if constexpr (std::is_same_v<T, bool>) {
      return given;
    } else if constexpr (std::is_floating_point_v<T>) {
      return static_cast<double>(given);
    } else if constexpr (std::is_signed_v<T>) {
      return static_cast<std::int64_t>(given);
    } else if constexpr (std::is_unsigned_v<T>) {
      return static_cast<std::uint64_t>(given);
    } else {
      return std::string_view(given);
    }
  }
};
using Fields = std::initializer_list<Field>;

/// Once, at the start of a command; until then: info, text. Not while other threads log.
void configure(Level level, Format format);
bool enabled(Level level);

/// One line, written at once. Thread-safe. Values that a peer chose cannot break the line or steer a
/// terminal.
///
///     log::info("kitchen connected", {{"kitchen", name}, {"port", port}});
///     2026-11-22T02:14:05.123Z INFO  kitchen connected kitchen=default_kitchen port=41234
///     {"time":"2026-11-22T02:14:05.123Z","level":"info","event":"kitchen
///     connected","kitchen":"default_kitchen",...}
void write(Level level, std::string_view event, Fields fields = {});
inline void debug(std::string_view event, Fields fields = {}) { write(Level::debug, event, fields); }
inline void info(std::string_view event, Fields fields = {}) { write(Level::info, event, fields); }
inline void warning(std::string_view event, Fields fields = {}) { write(Level::warning, event, fields); }
inline void error(std::string_view event, Fields fields = {}) { write(Level::error, event, fields); }

/// The line without its newline, as write() would make it; `time` in UTC.
std::string format_line(Format format, std::chrono::system_clock::time_point time, Level level,
                        std::string_view event, Fields fields);

/// Lets `most` events through per period and counts the others, for what a peer can cause as often as it
/// likes. One thread.
///
///     if (limit_.allow(now)) log::warning("invalid dumpling", {{"why", why}, {"not_logged",
///     limit_.suppressed()}});
class RateLimit {
 public:
  explicit RateLimit(std::chrono::milliseconds period, unsigned most = 1) : period_(period), most_(most) {}

  bool allow(std::chrono::steady_clock::time_point now) {
    if (!started_ || now - began_ >= period_) {
      started_ = true;
      began_ = now;
      passed_ = 0;
    }
    if (passed_ == most_) {
      ++pending_;
      return false;
    }
    ++passed_;
    suppressed_ = pending_;
    pending_ = 0;
    return true;
  }
  /// How many were not let through between the last two that were.
  std::uint64_t suppressed() const { return suppressed_; }

 private:
  std::chrono::milliseconds period_;
  unsigned most_;
  unsigned passed_ = 0;
  std::chrono::steady_clock::time_point began_{};
  bool started_ = false;
  std::uint64_t pending_ = 0;
  std::uint64_t suppressed_ = 0;
};

}  // namespace spiderling::log
