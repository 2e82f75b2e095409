#include "eaters/printable.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <ctime>

#include "eaters/pretty_json.h"

namespace spiderling {

namespace {

std::string bold(std::string_view text, bool color) {
  return color ? fmt::format("\x1b[1m{}\x1b[0m", text) : std::string(text);
}

bool local_time(double whole_seconds, std::tm& time) {
  constexpr double year_1 = -62135596800, year_9999 = 253402300799;
  if (!(whole_seconds >= year_1 && whole_seconds <= year_9999)) return false;
  const auto seconds = static_cast<std::time_t>(whole_seconds);
  return localtime_r(&seconds, &time) != nullptr;
}

std::string uptime(double seconds) {
  constexpr double most = 1e12;
  if (!(seconds >= 0 && seconds < most)) return "?";
  const auto whole = static_cast<std::uint64_t>(seconds);
  return fmt::format("{:02}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

// The number of a key as text.
std::string number(const boost::json::object& status, std::string_view key) {
  const auto* value = status.if_contains(key);
  return value != nullptr && value->is_number() ? boost::json::serialize(*value) : "?";
}

}  // namespace

std::string harmless(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool c1 = c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", c);
    } else if (c1) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[++i]));
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string local_iso_time(double seconds) {
  double whole = std::floor(seconds);
  double micros = std::nearbyint((seconds - whole) * 1e6);  // halves to even, as Python rounds
  if (micros >= 1e6) {
    micros = 0;
    whole += 1;
  }
  std::tm time{};
  if (!local_time(whole, time)) return fmt::format("{}", seconds);
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", time.tm_year + 1900, time.tm_mon + 1,
                                 time.tm_mday, time.tm_hour, time.tm_min, time.tm_sec);
  if (micros > 0) text += fmt::format(".{:06}", static_cast<int>(micros));
  return text;
}

std::string printable_dumpling(const EatenDumpling& dumpling, PrintStyle style) {
  const std::string kitchen = dumpling.kitchen ? harmless(*dumpling.kitchen) : "None";
  std::string text = fmt::format("{} [{:8}] {} from {}\n", local_iso_time(dumpling.creation_time),
                                 dumpling.driver == DumplingDriver::packet ? "packet" : "interval",
                                 bold(harmless(dumpling.chef), style.color), bold(kitchen, style.color));
  if (style.payload) text += fmt::format("\n{}\n\n", pretty_json(dumpling.payload, style.color));
  return text;
}

std::string status_line(std::string_view payload, std::chrono::system_clock::time_point now, bool color) {
  EatenDumpling dumpling;
  dumpling.payload = payload;
  const Payload value = dumpling.parse_payload();
  const auto* object = value.if_object();
  const boost::json::object nothing;
  const boost::json::object& status = object != nullptr ? *object : nothing;
  const auto* up = status.if_contains("server_uptime");
  const std::string up_text = up != nullptr && up->is_number() ? uptime(up->to_number<double>()) : "?";
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm time{};
  localtime_r(&seconds, &time);
  const auto shown = [&](std::string_view key) { return bold(number(status, key), color); };
  return fmt::format(
      "{:04}-{:02}-{:02} {:02}:{:02}:{:02}  uptime: {}  dumplings in: {}  out: {}  kitchens: {}  eaters: {} ",
      time.tm_year + 1900, time.tm_mon + 1, time.tm_mday, time.tm_hour, time.tm_min, time.tm_sec,
      bold(up_text, color), shown("total_dumplings_in"), shown("total_dumplings_out"),
      shown("dumpling_kitchen_count"), shown("dumpling_eater_count"));
}

std::string one_line(std::string_view json) {
  std::string line(json);
  for (char& c : line) {
    if (c == '\n' || c == '\r') c = ' ';  // in valid JSON these stand only between tokens
  }
  return line += '\n';
}

}  // namespace spiderling
