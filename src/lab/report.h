// A verdict as text for a person and as JSON for a program.
#pragma once

#include <string>

#include "lab/truth.h"

namespace spiderling::lab {

/// A table of conditions, then what was wrong by host, then one line that sums it up. Ends with a newline.
std::string verdict_text(const Scenario& scenario, const Verdict& verdict, bool color);

/// The line that sums it up, and no more.
std::string verdict_line(const Scenario& scenario, const Verdict& verdict, bool color);

/// One object on one line, with a newline: {"scenario", "measurement", "all_right", "targets", "results",
/// "foreign", "unreadable", "conditions": {NAME: {"true_positive", ...}}, "hosts": {NAME: {"targets",
/// "right", "missing", "duplicate", "wrong": {CONDITION: {"unexpected", "missed", "example"}}}}}.
std::string verdict_json(const Scenario& scenario, const Verdict& verdict);

}  // namespace spiderling::lab
