// What a run of `spiderling measure` asks for, by its options and its measurement: of the engine, and of the
// host.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/measure_host.h"
#include "app/measure_options.h"
#include "base/error.h"
#include "spiders/engine.h"

namespace spiderling::app {

/// The plan, but for marks and epochs, which the host gives; of a measurement that is prepared. Raises the
/// limit of open files; where it allows fewer workers than were asked for, `say` is told. Error: it cannot be
/// run.
Result<EnginePlan> make_plan(const MeasureOptions& options, const std::function<void(std::string_view)>& say);

/// Refers to the plan's configurations.
HostNeeds host_needs(const MeasureOptions& options, const EnginePlan& plan);

/// For --verbose, a line each.
std::vector<std::string> plan_lines(const MeasureOptions& options, const EnginePlan& plan);

}  // namespace spiderling::app
