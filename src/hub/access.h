// Who may speak with the hub.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace spiderling {

/// Without telling by the time it takes how much of it is right.
bool same_token(std::string_view given, std::string_view wanted);

/// A web page may connect only if it came from the hub itself or is listed: else any page that a user visits
/// could read what this hub tells (RFC 6455 section 10.2). `listed` has origins as browsers write them
/// ("https://example.org", "null" for a page from a file), or "*" for all. `local_address` is where the
/// connection arrived. Names other than localhost are never the hub's own: who controls a name can point it
/// here.
bool origin_is_allowed(std::string_view origin, std::string_view local_address,
                       std::span<const std::uint16_t> own_ports, std::span<const std::string> listed);

/// As read_token_file() of src/websocket, and an error if the token is too short to keep anybody out, or if
/// everybody may read the file.
Result<std::string> read_hub_token_file(const std::string& path);

}  // namespace spiderling
