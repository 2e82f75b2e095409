// The secret that a hub and its clients share.
#pragma once

#include <string>

#include "base/error.h"

namespace spiderling {

/// The token that a file holds: its first line, without white space around it. An error if there is none, or
/// if it has characters that no `Authorization: Bearer` may have (RFC 6750 section 2.1).
Result<std::string> read_token_file(const std::string& path);

/// Letters, digits and -._~+/= only, at most 4096 of them, at least one.
bool is_token(std::string_view text);

}  // namespace spiderling
