// A measurement's own options as JSON, for the metadata of a run and back from it.
#pragma once

#include <boost/json/object.hpp>

#include "base/error.h"
#include "spiderling/measurement.h"

namespace spiderling {

/// Each by its name, with what it is set to: {"fallback":false}.
boost::json::object own_options(Measurement& measurement);

/// Sets those that are named. Error: the measurement has none of that name, or it takes no such value.
Result<void> set_own_options(Measurement& measurement, const boost::json::object& values);

}  // namespace spiderling
