// JSON that somebody else wrote, read with simdjson's On-Demand and checked whole.
#pragma once

#include <string_view>

#include <simdjson.h>

namespace spiderling::json_walk {

/// What is wrong, as a literal; nullptr: nothing.
using Problem = const char*;

// Those that a caller tells apart; compare by pointer.
extern const Problem not_json;
extern const Problem not_utf8;
extern const Problem too_deep;

/// For a person. nullptr for SUCCESS.
Problem describe(simdjson::error_code code);

/// Steps over a value; every scalar and every key in it is checked, since On-Demand itself looks only at what
/// it is asked for. `depth`: the value's own level, 1 for a document's root.
Problem check_value(simdjson::ondemand::value value, unsigned depth, unsigned max_depth);

/// As check_value(), and gives the value's text as it was written, without white space around it.
Problem take_raw(simdjson::ondemand::document& document, simdjson::ondemand::value value,
                 std::string_view& raw, unsigned depth, unsigned max_depth);

/// A string without its escapes: a view of the parser's memory. `wrong_type` if it is none.
Problem take_text(simdjson::ondemand::value value, std::string_view& text, Problem wrong_type);

/// After the root was walked: does something follow it?
Problem check_end(simdjson::ondemand::document& document);

}  // namespace spiderling::json_walk
