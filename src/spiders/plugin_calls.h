// The functions of a measurement, as they are called: which one runs, and how often each has failed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/handler_meter.h"
#include "base/watchdog.h"

namespace spiderling {

enum class PluginFunction : std::uint8_t {
  unsuitable,
  pre_connect,
  connect,
  post_connect,
  forge,
  merge,
  combine,
  conclude,
  configure,
  expand,
  last_
};

/// Event loop's thread only.
class PluginCalls {
 public:
  /// `watchdog`: looks for functions that hold up the event loop; may be nullptr, outlives this.
  PluginCalls(std::string_view measurement, FailureLimit limit, Watchdog* watchdog);

  HandlerWatch& watch() { return watch_; }
  /// It threw; the first failures of each function are logged.
  void failed(PluginFunction function, std::string_view why);
  void succeeded(PluginFunction function) { in_a_row_[index(function)] = 0; }
  /// Why no more jobs should be taken: combine() has failed so often in a row that no result is to be hoped
  /// for. Functions that connect may fail for reasons of the network's. Empty: nothing is wrong.
  std::string exhausted() const;
  /// The function that runs now, for a person; empty: none. Any thread.
  std::string running() const;

 private:
  static constexpr std::size_t functions = static_cast<std::size_t>(PluginFunction::last_);
  static std::size_t index(PluginFunction function) { return static_cast<std::size_t>(function); }

  const std::string measurement_;
  const FailureLimit limit_;
  HandlerWatch watch_;
  std::array<std::uint64_t, functions> failures_{};
  std::array<std::uint64_t, functions> in_a_row_{};
};

/// A function runs until this ends, or the coroutine that it is waits. `calls` may be nullptr.
class PluginCall {
 public:
  PluginCall(PluginCalls* calls, PluginFunction function) {
    if (calls != nullptr) running_.emplace(calls->watch(), static_cast<std::uint32_t>(function));
  }

 private:
  std::optional<HandlerWatch::Call> running_;
};

}  // namespace spiderling
