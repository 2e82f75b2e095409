// A spider as a measurement of the engine.
#pragma once

#include <Python.h>

#include <memory>

#include "python/spider_plugin.h"
#include "spiderling/measurement.h"

namespace spiderling::python {

/// A run of this plugin, which outlives it: a ForgeMeasurement if it forges packets. Any thread.
std::unique_ptr<Measurement> make_spider_measurement(const SpiderPlugin& plugin);

}  // namespace spiderling::python
