// What simdjson's On-Demand leaves to whoever asks for a value: is this token one?
#pragma once

#include <string_view>

namespace spiderling::json_tokens {

/// Without the white space that follows a token.
std::string_view trimmed(std::string_view token);

/// RFC 8259 section 6, of any size. No white space.
bool is_number(std::string_view token);

/// From behind a string's opening quote to its closing one, which must be there: are all escapes ones of
/// JSON?
bool is_string_body(const char* body);

/// A string with its quotes, a number, true, false or null; white space may follow. That strings end, and
/// hold no control characters, was checked before.
bool is_scalar(std::string_view token);

}  // namespace spiderling::json_tokens
