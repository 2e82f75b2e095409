// How the kernel spreads packets over the shards of a live source.
#pragma once

#include <vector>

#include "capture/filter.h"

namespace spiderling {

/// A classic BPF program for PACKET_FANOUT_CBPF. Its result, modulo the number of sockets, chooses the
/// socket: a hash of the two IP addresses, the same for both directions, so that a flow, its fragments and
/// the ICMP errors that quote it (v4 types 3, 4, 5, 11, 12; v6 types 1 to 4: the quoted addresses count) come
/// to one shard. What is not IP, or does not parse, gives 0.
std::vector<FilterInstruction> fanout_program();

}  // namespace spiderling
