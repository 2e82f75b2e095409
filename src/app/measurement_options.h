// The own options of measurements on command lines.
#pragma once

#include "spiderling/measurement.h"

namespace CLI {
class App;
}

namespace spiderling::app {

/// Adds a measurement's own options to a command line. Those that the command line has already are left out.
/// `measurement` outlives the command line.
void add_own_options(CLI::App& command, Measurement& measurement);

}  // namespace spiderling::app
