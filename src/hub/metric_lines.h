// Lines of Prometheus' text format 0.0.4.
#pragma once

#include <string>
#include <string_view>

namespace spiderling {

/// # HELP and # TYPE, before a metric's values. `type`: "counter" or "gauge".
void append_help(std::string& out, std::string_view name, std::string_view type, std::string_view help);

/// key="value", whatever the value: a peer may have chosen it.
void append_label(std::string& out, std::string_view key, std::string_view value);

}  // namespace spiderling
