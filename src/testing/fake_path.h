// What a made-up path does to a packet.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "spiderling/testing/fake_network.h"

namespace spiderling::testing {

using PacketBytes = std::vector<std::uint8_t>;  // from the IP header on

/// The packet as it comes out at the other end; nullopt: lost. Checksums are right again if the path changed
/// anything.
std::optional<PacketBytes> carry(const FakeTarget& target, PacketBytes packet);

/// The layers of a packet that begins with its IP header. Borrowed.
Packet layers_of(const PacketBytes& packet);

}  // namespace spiderling::testing
