// JSON as netdumplings prints it.
#pragma once

#include <string>
#include <string_view>

namespace spiderling {

/// As Python's json.dumps(value, sort_keys=True, indent=4): keys sorted by their characters, of a key that
/// comes twice the last, everything beyond ASCII escaped, floats in their shortest form; integers keep all
/// their digits, and numbers beyond a double are left as they stand. With `color`, in the terminal colours
/// that Pygments gives JSON.
///
/// `json`: one valid JSON value, such as a dumpling's payload; of anything else, what can be understood is
/// printed.
std::string pretty_json(std::string_view json, bool color);

}  // namespace spiderling
