// The lab's three network namespaces and what joins them.
#pragma once

#include "base/error.h"
#include "host/namespaces.h"
#include "lab/plan.h"
#include "lab/scenario.h"

namespace spiderling::lab {

/// Made by build(); lives as long as it is held, or a process is in it.
struct Topology {
  NetworkNamespace prober;   ///< where measurements run
  NetworkNamespace router;   ///< the middleboxes
  NetworkNamespace servers;  ///< every address of every prefix is here
};

/// Makes the namespaces, links, addresses, routes and rules; nothing outside of them changes. Afterwards
/// packets flow as soon as somebody listens, but for those of the forwarder's boxes, for which a program must
/// read the TUN device (forwarder.h). The calling thread stays where it is. /proc must be that of the
/// caller's own PID namespace.
Result<Topology> build_topology(const Scenario& scenario, const AddressPlan& plan);

/// True if some host's packets go through the forwarder.
bool needs_forwarder(const Scenario& scenario);

}  // namespace spiderling::lab
