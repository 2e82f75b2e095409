// What every command that runs a measurement does with it first.
#pragma once

#include "base/error.h"
#include "flows/chain_set.h"
#include "plugins/registry.h"
#include "spiderling/measurement.h"

namespace spiderling::app {

/// Once its options are set. Error: why it cannot run.
Result<void> prepare(Measurement& measurement, const MeasurementRun& run);

/// The chains that its description names and those that it brings along, each once. Once it is prepared.
Result<ChainSet> chains_of(const MeasurementDescription& description, const Measurement& measurement,
                           const Registry& registry);

}  // namespace spiderling::app
