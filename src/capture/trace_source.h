// A trace file, a pipe or standard input as a source.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "capture/source.h"

namespace spiderling {

/// As Source::open(), of a path or "-". Streams of a plain file read it themselves, each into its own core's
/// cache: four times cheaper than passing chunks between cores. Else one thread of the source's own reads and
/// unpacks, from the first next() on, and waits when a stream is eight chunks behind.
Result<std::unique_ptr<Source>> open_trace(const std::string& path, const SourceOptions& options);

}  // namespace spiderling
