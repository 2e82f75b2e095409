// One flow as the table holds it.
#pragma once

#include <cstdint>
#include <limits>

#include "flows/chain_hooks.h"
#include "flows/flow_key.h"

namespace spiderling {

/// The engine's part of a flow. In memory:
///
///     | Flow | state of chain 1 | state of chain 2 | ...    one block, from the table's pool
struct alignas(16) Flow {
  static constexpr std::int64_t not_completed = std::numeric_limits<std::int64_t>::max();

  FlowKey key;
  std::int64_t first_ns;      ///< of the first packet
  std::int64_t last_ns;       ///< of the last packet
  std::int64_t completed_ns;  ///< when a chain said complete, or when it had been idle for long enough
  std::uint32_t tag;          ///< of its hash: finds the index entry again
  std::uint32_t number;       ///< of its block in the pool
  std::uint16_t wheel_slot;  ///< where its entry in the timer wheel stands; entries elsewhere are out of date
  bool forward_from_low;     ///< the first packet was sent by the endpoint that comes first in the key
  bool ignored;         ///< a chain vetoed it: no record, no hooks, until it has been idle for long enough
  bool answered;        ///< a packet of the other direction came, and the admission was told
  FailedChains failed;  ///< over one of its packets

  std::uint8_t* states() { return reinterpret_cast<std::uint8_t*>(this + 1); }
  const std::uint8_t* states() const { return reinterpret_cast<const std::uint8_t*>(this + 1); }
};
static_assert(sizeof(Flow) == 80);

}  // namespace spiderling
