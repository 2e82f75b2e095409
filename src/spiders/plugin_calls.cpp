#include "spiders/plugin_calls.h"

#include <vector>

#include <fmt/format.h>

#include "base/log.h"

namespace spiderling {

namespace {

constexpr std::uint64_t most_warnings = 10;  // of each function

constexpr const char* names[] = {"unsuitable", "pre_connect", "connect",  "post_connect", "forge",
                                 "merge",      "combine",     "conclude", "configure",    "expand"};

std::vector<std::string> names_for(std::string_view measurement) {
  std::vector<std::string> all;
  for (const char* name : names) all.push_back(fmt::format("{} of measurement {}", name, measurement));
  return all;
}

}  // namespace

PluginCalls::PluginCalls(std::string_view measurement, FailureLimit limit, Watchdog* watchdog)
    : measurement_(measurement), limit_(limit), watch_(watchdog, names_for(measurement)) {
  static_assert(std::size(names) == functions);
}

void PluginCalls::failed(PluginFunction function, std::string_view why) {
  ++in_a_row_[index(function)];
  const std::uint64_t count = ++failures_[index(function)];
  if (count > most_warnings) return;
  log::warning(count == most_warnings ? "a function of the measurement failed; of it no more are said"
                                      : "a function of the measurement failed",
               {{"measurement", measurement_}, {"function", names[index(function)]}, {"why", why}});
}

std::string PluginCalls::exhausted() const {
  const std::uint64_t in_a_row = in_a_row_[index(PluginFunction::combine)];
  if (!limit_.reached(in_a_row)) return {};
  return fmt::format("combine of measurement {} failed {} times in a row", measurement_, in_a_row);
}

std::string PluginCalls::running() const {
  const std::uint32_t running = watch_.running();
  return running == 0 || running > functions
             ? std::string()
             : fmt::format("{} of measurement {}", names[running - 1], measurement_);
}

}  // namespace spiderling
