// `spiderling measure` with a measurement that expands jobs (dnsresolv): no capture, no connections, no root.
#pragma once

#include "app/command.h"
#include "app/measure_options.h"

namespace spiderling::app {

/// Runs it. Exit status.
int expand(const Arguments& arguments, MeasureOptions options);

}  // namespace spiderling::app
