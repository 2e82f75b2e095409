// Which flow a packet belongs to, whatever its direction.
#pragma once

#include <cstdint>
#include <optional>

#include "spiderling/packet.h"

namespace spiderling {

/// Addresses, ports and protocol with the two endpoints in order, so that both directions have the same key.
/// Ports are zero where the protocol has none (a 3-tuple).
struct FlowKey {
  std::uint64_t words[5];

  friend bool operator==(const FlowKey& a, const FlowKey& b) {
    return ((a.words[0] ^ b.words[0]) | (a.words[1] ^ b.words[1]) | (a.words[2] ^ b.words[2]) |
            (a.words[3] ^ b.words[3]) | (a.words[4] ^ b.words[4])) == 0;
  }
};

/// A flow as one packet names it.
struct FlowId {
  FlowKey key;
  std::uint64_t hash;        ///< of the key
  std::uint32_t shard_hash;  ///< of the addresses alone, so that fragments and ICMP errors meet their flow
  bool from_low;             ///< the packet was sent by the endpoint that comes first in the key
};

/// Secret of this process that keeps senders from choosing packets whose keys collide.
struct HashSeed {
  std::uint64_t words[4];
  /// From the kernel's random numbers.
  static HashSeed random();
};

/// Source and destination as a key needs them.
struct FlowEndpoints {
  const std::uint8_t* source;  ///< 4 or 16 bytes
  const std::uint8_t* destination;
  std::uint16_t source_port;
  std::uint16_t destination_port;
  std::uint8_t protocol;
  IpVersion version;
};

FlowId make_flow_id(const FlowEndpoints& endpoints, const HashSeed& seed);

/// The flow of a packet by its own header. Ports count as zero where it has none.
FlowId flow_id_of(const Packet& packet, const HashSeed& seed);

/// The flow that an ICMP error belongs to: the one it quotes, with the direction reversed, since an error
/// about a forward packet travels backward.
FlowId flow_id_of_quotation(const Packet& quotation, const HashSeed& seed);

/// The shard that owns a flow.
inline std::size_t shard_of(std::uint32_t shard_hash, std::size_t shards) {
  return static_cast<std::size_t>((std::uint64_t{shard_hash} * shards) >> 32);
}

/// The shard_hash of a frame's flow, told from the usual places of the addresses in an Ethernet frame, before
/// anything is dissected; nullopt where they may lie elsewhere (tags, extension headers), or where the flow
/// may be a quoted one.
std::optional<std::uint32_t> quick_shard_hash(Bytes frame, LinkType link_type, const HashSeed& seed);

/// True for the protocols whose flows have ports: TCP, UDP, SCTP, UDP-Lite.
inline bool protocol_has_ports(std::uint8_t protocol) {
  return protocol == 6 || protocol == 17 || protocol == 132 || protocol == 136;
}

}  // namespace spiderling
