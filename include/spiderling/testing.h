// A test kit for plugins: packets in a line, chefs, chains and measurements over them, a network that is made
// up, and the lab.
//
//     #include <spiderling/testing.h>
//     #include <cassert>
//     using namespace spiderling::testing;
//
//     int main() {
//       const Record record = run_chain("tcp", {"10.0.0.1:4000 > 10.0.0.2:80 tcp S"});
//       assert(record["tcp_connected"] == false);
//     }
//
// Plain functions that return what came out, for any test framework; what cannot be asked for (no such chain,
// a packet that is none) throws std::invalid_argument or std::runtime_error with one line for a person.
//
// Link with spiderling::testing (CMake) or spiderling-testing (pkg-config). Plugins are found by name: first
// those of the test program itself, that is, whose sources are linked into it, then those that ship.
//
// Thread-safety: functions may be called from any thread, objects from one at a time.
#pragma once

#include "spiderling/testing/chains.h"
#include "spiderling/testing/chefs.h"
#include "spiderling/testing/fake_network.h"
#include "spiderling/testing/lab.h"
#include "spiderling/testing/measurements.h"
#include "spiderling/testing/packets.h"
