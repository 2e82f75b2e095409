#include "python/measurement_modules.h"

namespace spiderling::python {

Result<const MeasurementDescription*> load_measurement(const std::string& /*name*/) { return nullptr; }

std::vector<const MeasurementDescription*> all_measurements(std::vector<Error>& /*problems*/) { return {}; }

}  // namespace spiderling::python
