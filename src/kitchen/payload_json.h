// Payloads as JSON text.
#pragma once

#include <string>
#include <string_view>

#include "spiderling/dumpling.h"

namespace spiderling {

/// Appends `payload` as compact JSON on one line, doubles in their shortest exact form ("1515990721.147",
/// "2.0"). nullptr, or what of it JSON cannot say; `out` then ends with a part of it.
const char* append_payload(std::string& out, const Payload& payload);

}  // namespace spiderling
