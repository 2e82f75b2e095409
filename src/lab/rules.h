// The middleboxes that are rules of nft.
#pragma once

#include <string>

#include "lab/plan.h"
#include "lab/scenario.h"

namespace spiderling::lab {

/// The input of `nft -f -` for the router's namespace. Which rules a packet meets is one look-up of its
/// target's address; a packet of a clean host meets none. Empty if no host needs any: then the router does
/// not have a hook at all. Nothing in it needs connection tracking.
std::string nft_rules(const Scenario& scenario, const AddressPlan& plan);

}  // namespace spiderling::lab
