// Configurations that need the whole host: one at a time, for a while.
#pragma once

#include <cstddef>

#include "base/error.h"

namespace spiderling {

/// Sets the host up for one configuration and back. Event loop's thread only.
class HostEpochs {
 public:
  virtual ~HostEpochs() = default;
  /// The host is as the configuration wants it, read back and found so; or as it was before, and why.
  virtual Result<void> begin(std::size_t configuration) = 0;
  /// The host is as it was before begin(); or what could not be put back.
  virtual Result<void> end() = 0;
};

}  // namespace spiderling
