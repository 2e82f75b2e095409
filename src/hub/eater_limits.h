// How long an eater's queue may be.
#pragma once

#include <cstdint>

namespace spiderling {

/// How far an eater may lag behind. Both hold. The full-queue policy is HubOptions::slow_eater.
struct EaterLimits {
  std::uint64_t dumplings = 65'536;
  std::uint64_t bytes = 16 << 20;
};

}  // namespace spiderling
