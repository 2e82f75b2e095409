// Times as results have them, read back.
#pragma once

#include <optional>
#include <string_view>

#include "spiderling/packet.h"

namespace spiderling {

/// RFC 3339 in UTC, to the nanosecond: 2026-11-22T04:58:47.000123Z. The older forms of PATHspider are taken
/// too: a space for the T, no Z, no fraction. Nothing for any other text, and for times that 64 bits of
/// nanoseconds cannot hold.
std::optional<Timestamp> parse_time(std::string_view text);

}  // namespace spiderling
