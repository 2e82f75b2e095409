#include "app/measurement_setup.h"

#include <algorithm>
#include <string>
#include <vector>

#include "spiders/await_task.h"

namespace spiderling::app {

Result<void> prepare(Measurement& measurement, const MeasurementRun& run) {
  try {
    measurement.prepare(run);
    return {};
  } catch (...) {
    return tl::unexpected(Error{reason_of(std::current_exception())});
  }
}

Result<ChainSet> chains_of(const MeasurementDescription& description, const Measurement& measurement,
                           const Registry& registry) {
  const std::vector<std::string> names(description.chains.begin(), description.chains.end());
  auto chains = registry.chains(names);
  if (!chains) return tl::unexpected(chains.error());
  for (const ChainDescription* own : measurement.own_chains()) {
    if (std::ranges::find(*chains, own) == chains->end()) chains->push_back(own);
  }
  return ChainSet::make(*chains);
}

}  // namespace spiderling::app
