// A chef's run in a test, before anything is made of what it has written.
#pragma once

#include <string>

#include "kitchen/kitchen.h"
#include "spiderling/testing/chefs.h"

namespace spiderling::testing {

struct ChefLines {
  std::string lines;  ///< its dumplings, one a line
  KitchenCounters counters;
};

/// See run_chef().
ChefLines run_chef_lines(const ChefDescription& chef, const Packets& packets, const ChefOptions& options);

}  // namespace spiderling::testing
