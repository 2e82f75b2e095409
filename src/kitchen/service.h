// Packets from a source through a kitchen, until they end.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "capture/source.h"
#include "kitchen/kitchen.h"

namespace spiderling {

/// How fast a trace is read.
enum class Pace {
  original,  ///< as its packets came: the time between two packets passes here too
  fast,      ///< as fast as it goes
};

struct ServiceOptions {
  bool live = false;
  Pace pace = Pace::fast;  ///< of a trace
  /// Ends after so long; a trace: at the first packet that is so much later than the first one.
  std::optional<std::chrono::nanoseconds> duration;
};

/// Runs the kitchen in the caller's thread until the stream ends, the duration is over, the kitchen's sink
/// wants no more, or `go_on`, asked several times a second, says false. The kitchen is started, and finished.
void run_service(FrameStream& stream, Kitchen& kitchen, const ServiceOptions& options,
                 const std::function<bool()>& go_on);

}  // namespace spiderling
