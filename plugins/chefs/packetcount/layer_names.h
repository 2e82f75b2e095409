// The names that scapy gives layers.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace spiderling::packetcount {

/// Layers that are counted. ICMPv6 messages and the options of neighbour discovery are layers by their types.
enum class Name : std::uint8_t {
  ethernet,
  dot3,
  llc,
  snap,
  dot1q,
  dot1ad,
  loopback,
  cooked,
  cooked2,
  ppp,
  pppoe,
  mpls,
  arp,
  ip,
  ipv6,
  hop_by_hop,
  routing,
  fragment,
  destination,
  tcp,
  udp,
  icmp,
  sctp,
  gre,
  esp,
  ah,
  ip_in_icmp,
  ipv6_in_icmp,
  tcp_in_icmp,
  udp_in_icmp,
  icmp_in_icmp,
  dns,
  ntp,
  bootp,
  dhcp,
  llmnr_query,
  llmnr_response,
  vxlan,
  raw,
  padding,
  count,
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(Name::count)> names = {
    "Ethernet",
    "802.3",
    "LLC",
    "SNAP",
    "802.1Q",
    "802_1AD",
    "Loopback",
    "cooked linux",
    "cooked linux v2",
    "PPP Link Layer",
    "PPP over Ethernet",
    "MPLS",
    "ARP",
    "IP",
    "IPv6",
    "IPv6 Extension Header - Hop-by-Hop Options Header",
    "IPv6 Option Header Routing",
    "IPv6 Extension Header - Fragmentation header",
    "IPv6 Extension Header - Destination Options Header",
    "TCP",
    "UDP",
    "ICMP",
    "SCTP",
    "GRE",
    "ESP",
    "AH",
    "IP in ICMP",
    "IPv6 in ICMPv6",
    "TCP in ICMP",
    "UDP in ICMP",
    "ICMP in ICMP",
    "DNS",
    "NTP",
    "BOOTP",
    "DHCP options",
    "Link Local Multicast Node Resolution - Query",
    "Link Local Multicast Node Resolution - Response",
    "VXLAN",
    "Raw",
    "Padding",
};

constexpr std::string_view icmp6_name(std::uint8_t type) {
  switch (type) {
    case 1: return "ICMPv6 Destination Unreachable";
    case 2: return "ICMPv6 Packet Too Big";
    case 3: return "ICMPv6 Time Exceeded";
    case 4: return "ICMPv6 Parameter Problem";
    case 128: return "ICMPv6 Echo Request";
    case 129: return "ICMPv6 Echo Reply";
    case 130: return "MLD - Multicast Listener Query";
    case 131: return "MLD - Multicast Listener Report";
    case 132: return "MLD - Multicast Listener Done";
    case 133: return "ICMPv6 Neighbor Discovery - Router Solicitation";
    case 134: return "ICMPv6 Neighbor Discovery - Router Advertisement";
    case 135: return "ICMPv6 Neighbor Discovery - Neighbor Solicitation";
    case 136: return "ICMPv6 Neighbor Discovery - Neighbor Advertisement";
    case 137: return "ICMPv6 Neighbor Discovery - Redirect";
    case 139:
    case 140: return "Raw";
    case 141: return "ICMPv6 Inverse Neighbor Discovery Solicitation";
    case 142: return "ICMPv6 Inverse Neighbor Discovery Advertisement";
    case 143: return "MLDv2 - Multicast Listener Report";
    case 144: return "ICMPv6 Home Agent Address Discovery Request";
    case 145: return "ICMPv6 Home Agent Address Discovery Reply";
    case 146: return "ICMPv6 Mobile Prefix Solicitation";
    case 147: return "ICMPv6 Mobile Prefix Advertisement";
    case 151: return "ICMPv6 Multicast Router Discovery Advertisement";
    case 152: return "ICMPv6 Multicast Router Discovery Solicitation";
    case 153: return "ICMPv6 Multicast Router Discovery Termination";
    case 155: return "RPL";
    default: return "Scapy6 ICMPv6 fallback class";
  }
}

/// Of the options of neighbour discovery (RFC 4861, section 4.6, and later).
constexpr std::string_view neighbor_option_name(std::uint8_t type) {
  switch (type) {
    case 1: return "ICMPv6 Neighbor Discovery Option - Source Link-Layer Address";
    case 2: return "ICMPv6 Neighbor Discovery Option - Destination Link-Layer Address";
    case 3: return "ICMPv6 Neighbor Discovery Option - Prefix Information";
    case 4: return "ICMPv6 Neighbor Discovery Option - Redirected Header";
    case 5: return "ICMPv6 Neighbor Discovery Option - MTU";
    case 7: return "ICMPv6 Neighbor Discovery - Interval Advertisement";
    case 8: return "ICMPv6 Neighbor Discovery - Home Agent Information";
    case 24: return "ICMPv6 Neighbor Discovery Option - Route Information Option";
    case 25: return "ICMPv6 Neighbor Discovery Option - Recursive DNS Server Option";
    case 26: return "ICMPv6 Neighbor Discovery Option - Expanded Flags Option";
    case 31: return "ICMPv6 Neighbor Discovery Option - DNS Search List Option";
    default: return "ICMPv6 Neighbor Discovery Option - Scapy Unimplemented";
  }
}

}  // namespace spiderling::packetcount
