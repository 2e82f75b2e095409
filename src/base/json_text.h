// Text as a JSON string, for what is written by hand.
#pragma once

#include <string>
#include <string_view>

namespace spiderling {

/// Appends `text` as a JSON string with its quotes (RFC 8259 section 7). Control characters, DEL included,
/// are escaped, and bytes that are no UTF-8 become U+FFFD: whatever a peer sent, the result is one line of
/// valid JSON that does nothing to a terminal.
void append_json_string(std::string& out, std::string_view text);

}  // namespace spiderling
