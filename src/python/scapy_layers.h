// How scapy 2.5 would cut a packet into layers, as far as that is known here.
#pragma once

#include <array>
#include <cstdint>

#include "spiderling/packet.h"

namespace spiderling::python {

/// Layers that are answered for natively; the names are those of scapy's classes.
enum class LayerKind : std::uint8_t {
  Ether,
  Dot1Q,
  CookedLinux,
  IP,
  IPv6,
  ARP,
  TCP,
  UDP,
  ICMP,  ///< echo request and reply
  DNS,   ///< over UDP, whole
  Raw,
  Padding,
  DNSQR,    ///< stands in its message, not in the row of layers
  Unknown,  ///< a packet of whose first layer only scapy knows
};
inline constexpr std::size_t layer_kinds = 14;
constexpr std::uint32_t bit_of(LayerKind kind) { return 1u << static_cast<unsigned>(kind); }

/// Bytes of a packet: a header, or all of Raw and Padding.
struct LayerSpan {
  LayerKind kind;
  std::uint32_t begin;
  std::uint32_t end;
};

/// The row of layers, from the first on. A value without heap.
struct ScapyLayers {
  static constexpr std::size_t most = 12;
  static constexpr std::size_t most_questions = 4;

  std::array<LayerSpan, most> spans;
  std::array<std::uint32_t, most_questions> questions;  ///< where each DNSQR begins
  std::uint8_t count = 0;
  std::uint8_t question_count = 0;
  /// False: something follows, or is in an IP or DNS header, of which only scapy knows what it makes.
  bool whole = true;
  /// Options of IP or records of DNS, which are packets of their own to scapy.
  bool has_inner_packets = false;
  std::uint32_t present = 0;  ///< bit_of() of each kind
};

/// Looks at `data` as captured from this kind of link. Where scapy would do something that is not known here,
/// because bytes are cut, malformed, or belong to another protocol, it stops and says so in `whole`. No heap,
/// no exception.
void find_layers(ScapyLayers& layers, Bytes data, LinkType link_type);

/// `layer` of a UDP or TCP header may hold a protocol that scapy knows and we do not, by these ports.
bool scapy_knows_udp(std::uint16_t source, std::uint16_t destination);
bool scapy_knows_tcp(std::uint16_t source, std::uint16_t destination);

}  // namespace spiderling::python
