// Names of hosts as people write them.
#pragma once

#include <string>
#include <string_view>

#include "spiderling/headers/dns.h"

namespace spiderling::dnslookup {

/// The name without escapes, as multicast DNS has them ("Büro._ipp._tcp.local"), if that is UTF-8 without
/// control characters; else with them (RFC 4343, section 2.1). Empty for the root.
std::string host_name(const DnsName& name);

}  // namespace spiderling::dnslookup
