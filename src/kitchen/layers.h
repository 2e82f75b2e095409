// Which layers a packet has, as chefs ask for them.
#pragma once

#include "spiderling/chef.h"

namespace spiderling {

/// Looks at nothing but what was found when the packet was dissected, and its ports.
inline Layers layers_of(const Packet& packet) {
  Layers layers = Layers::any;
  switch (packet.ip_version()) {
    case IpVersion::v4: layers = layers | Layers::ip4; break;
    case IpVersion::v6: layers = layers | Layers::ip6; break;
    case IpVersion::none:
      return packet.ether_type() == static_cast<std::uint16_t>(EtherType::arp) ? layers | Layers::arp
                                                                               : layers;
  }
  if (packet.is_later_fragment()) return layers;
  constexpr std::uint16_t dns = 53, mdns = 5353;
  const auto either_port = [&](std::uint16_t port) {
    return packet.source_port() == port || packet.destination_port() == port;
  };
  switch (static_cast<IpProtocol>(packet.protocol())) {
    case IpProtocol::tcp: return layers | (either_port(dns) ? Layers::tcp | Layers::dns : Layers::tcp);
    case IpProtocol::udp:
      return layers | (either_port(dns) || either_port(mdns) ? Layers::udp | Layers::dns : Layers::udp);
    default: return packet.is_icmp() ? layers | Layers::icmp : layers;
  }
}

}  // namespace spiderling
