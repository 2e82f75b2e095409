// Turns the merged flows of a job into its conditions.
#pragma once

#include <vector>

#include "base/error.h"
#include "flows/chain_set.h"
#include "spiderling/measurement.h"
#include "spiders/merger.h"
#include "spiders/plugin_calls.h"

namespace spiderling {

/// Tells the fields that a measurement reads where they stand in a flow's states. Error: no chain of the
/// measurement has a field of that name, or it is of another type.
Result<void> bind_flow_fields(const Measurement& measurement, const ChainSet& chains);

/// Lets the measurement add to the records of its connections what their flows tell. Before combine(), once.
void merge(const Measurement& measurement, MergedJob& job, PluginCalls* calls = nullptr);

/// What the measurement says about the job; and what can be said without it:
///   pathspider.skipped         a connection could not be tried: nothing is concluded
///   pathspider.missed_flows:N  N flows were expected and not observed
/// Where a connection was not tried, or came to nothing through a fault of ours, the measurement is not
/// asked. Where it throws, it counts as not asked, and `calls` are told, or the log.
std::vector<Condition> combine(const Measurement& measurement, const MergedJob& job,
                               PluginCalls* calls = nullptr);

/// Lets the measurement say what else the result says: after combine(), once a job. `members` of the job that
/// are no JSON, or named as what a result says anew, are not taken: the job's stay as they came.
void conclude(const Measurement& measurement, MergedJob& job, PluginCalls* calls = nullptr);

}  // namespace spiderling
