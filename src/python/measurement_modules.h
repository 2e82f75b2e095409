// Measurements that are written in Python.
#pragma once

#include <Python.h>

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "python/ref.h"
#include "spiderling/measurement.h"

namespace spiderling::python {

/// See PythonHost::load_measurement(). With the interpreter's lock.
Result<const MeasurementDescription*> load_measurement(const std::string& name);
/// The description of a Plugin of pathspider/_measure.py; it outlives the measurements that it makes. Throws
/// std::runtime_error. With the interpreter's lock.
std::shared_ptr<const MeasurementDescription> describe_measurement(const Ref& plugin);
/// See PythonHost::all_measurements(). With the interpreter's lock.
std::vector<const MeasurementDescription*> all_measurements(std::vector<Error>& problems);

}  // namespace spiderling::python
