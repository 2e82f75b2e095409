// What the kernel calls them.
#pragma once

#include "host/capabilities.h"

namespace spiderling {

/// The number of a capability in linux/capability.h.
unsigned number_of(Capability capability);

}  // namespace spiderling
