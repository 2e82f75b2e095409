// SIGINT and SIGTERM ask for an orderly end; a second one ends at once.
#pragma once

namespace spiderling::app {

/// While one lives, the first SIGINT or SIGTERM is noted and the second has its usual effect. At most one at
/// a time.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  bool requested() const;
};

}  // namespace spiderling::app
