// An interface, or all of them, as a source.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "capture/source.h"

namespace spiderling {

/// As Source::open(), of an interface's name or "all". Needs CAP_NET_RAW while it opens, not later.
Result<std::unique_ptr<Source>> open_live(const std::string& interface, const SourceOptions& options);

}  // namespace spiderling
