// What plugins say of themselves, as Markdown: fields of chains, conditions and options of measurements.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plugins/registry.h"

namespace spiderling::app {

/// "int or null", as people call the type of a field.
std::string type_of(const Field& field);

/// Of one plugin; with its name and description as a heading, if wanted.
std::string reference_of(const FoundPlugin& found, bool heading);
/// Of a measurement that is no plugin of the registry, with its heading.
std::string reference_of(const MeasurementDescription& measurement);
/// The page of all of these, which are sorted by kind.
std::string reference_of(const std::vector<const FoundPlugin*>& plugins);

}  // namespace spiderling::app
