// What the members of a job may be, whatever the format of the list.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "jobs/bad_line.h"

namespace spiderling {

/// Arrays and objects in one another, the line's own object included. Readers of results recurse; many give
/// up not far above.
inline constexpr unsigned max_job_depth = 100;

/// What a result says anew: members of these names do not stay in a job.
inline constexpr std::array<std::string_view, 10> members_of_results{
    "sip",        "sip_public",   "sip_asn",      "path",          "time",
    "conditions", "flow_results", "missed_flows", "spdr_attempts", "spdr_repeats"};

using Fault = std::optional<LineFault>;

Fault take_address(std::string_view text, Job& job);
/// Decimal digits, 1 to 65535.
Fault take_port(std::string_view text, Job& job);
/// No longer than a name can be (RFC 1035 section 2.3.4), without spaces and control characters: it is sent
/// to targets in lines of protocols, and must not be able to end one. Empty is none.
Fault take_domain(std::string_view text, Job& job);
/// A line needs an address or a domain.
Fault check_target(const Job& job);

/// Gives the job that port, whatever it had: in its members too.
void set_port(Job& job, std::uint16_t port);

/// The start of what somebody wrote, in quotes, for a message.
std::string excerpt(std::string_view text);

/// One JSON value, as a line of a job list holds it; null if Payload cannot hold it (text with an escaped
/// surrogate without a partner).
Payload parse_value(std::string_view json);

}  // namespace spiderling
