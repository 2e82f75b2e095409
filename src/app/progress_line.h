// The one line on a terminal that says how far a long run has come.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "app/observe_pipeline.h"

namespace spiderling::app {

/// Redraws one line on standard error, a few times a second, if `shown`. Erased by finish(), and when it goes
/// away.
class ProgressLine {
 public:
  explicit ProgressLine(bool shown) : shown_(shown) {}
  ~ProgressLine() { finish(); }

  void update(const PipelineProgress& progress);
  /// Any other line; `text` is called when it is time to redraw.
  void update(const std::function<std::string(std::chrono::duration<double> elapsed)>& text);
  void finish();

  /// "12.3M packets (2.9M/s), 1.2M records, 45 %, 00:12 left"
  static std::string text(const PipelineProgress& progress, std::chrono::duration<double> elapsed);

 private:
  using Clock = std::chrono::steady_clock;
  bool shown_;
  bool drawn_ = false;
  Clock::time_point started_ = Clock::now();
  Clock::time_point last_{};
};

/// "999", "12.3k", "4.56M": three digits.
std::string short_number(double number);

}  // namespace spiderling::app
