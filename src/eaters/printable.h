// Dumplings and the hub's status as text for people, as netdumplings' tools write them.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "spiderling/eater.h"

namespace spiderling {

struct PrintStyle {
  bool payload = true;
  bool color = false;
};

/// "2018-01-14T22:32:45.925951 [packet  ] DNSLookupChef from default_kitchen\n", then the payload between
/// empty lines. The time is local. Names are made harmless to a terminal.
std::string printable_dumpling(const EatenDumpling& dumpling, PrintStyle style);

/// As Python's datetime.fromtimestamp(seconds).isoformat(): local time, microseconds unless they are zero. A
/// time beyond the years 1 to 9999 is given as a number.
std::string local_iso_time(double seconds);

/// "2018-01-14 22:32:45  uptime: 00:01:05  dumplings in: 7  out: 9  kitchens: 1  eaters: 2 ", from the
/// payload of a SystemStatusChef; what is not in it is shown as "?".
std::string status_line(std::string_view payload, std::chrono::system_clock::time_point now, bool color);

/// A whole dumpling on one line: line ends between its tokens become spaces. With a newline at the end.
std::string one_line(std::string_view json);

/// Control characters as \xNN.
std::string harmless(std::string_view text);

}  // namespace spiderling
