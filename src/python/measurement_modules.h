// Measurements that are written in Python.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "spiderling/measurement.h"

namespace spiderling::python {

/// See PythonHost::load_measurement(). With the interpreter's lock.
Result<const MeasurementDescription*> load_measurement(const std::string& name);
/// See PythonHost::all_measurements(). With the interpreter's lock.
std::vector<const MeasurementDescription*> all_measurements(std::vector<Error>& problems);

}  // namespace spiderling::python
