#include "jobs/special_purpose.h"

#include <array>

#include "jobs/prefix_map.h"

namespace spiderling {
namespace {

// https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry: each entry with
// whether it is globally reachable ("N/A" is taken as no). Multicast and site-local have registries of their
// own.
constexpr std::array entries{
    SpecialPurpose{"0.0.0.0/8", "this network", "RFC 791, section 3.2", false},
    SpecialPurpose{"0.0.0.0/32", "this host on this network", "RFC 1122, section 3.2.1.3", false},
    SpecialPurpose{"10.0.0.0/8", "private use", "RFC 1918", false},
    SpecialPurpose{"100.64.0.0/10", "shared address space", "RFC 6598", false},
    SpecialPurpose{"127.0.0.0/8", "loopback", "RFC 1122, section 3.2.1.3", false},
    SpecialPurpose{"169.254.0.0/16", "link local", "RFC 3927", false},
    SpecialPurpose{"172.16.0.0/12", "private use", "RFC 1918", false},
    SpecialPurpose{"192.0.0.0/24", "IETF protocol assignments", "RFC 6890, section 2.1", false},
    SpecialPurpose{"192.0.0.0/29", "IPv4 service continuity", "RFC 7335", false},
    SpecialPurpose{"192.0.0.8/32", "IPv4 dummy address", "RFC 7600", false},
    SpecialPurpose{"192.0.0.9/32", "Port Control Protocol anycast", "RFC 7723", true},
    SpecialPurpose{"192.0.0.10/32", "TURN anycast", "RFC 8155", true},
    SpecialPurpose{"192.0.0.170/32", "NAT64 and DNS64 discovery", "RFC 8880, RFC 7050", false},
    SpecialPurpose{"192.0.0.171/32", "NAT64 and DNS64 discovery", "RFC 8880, RFC 7050", false},
    SpecialPurpose{"192.0.2.0/24", "documentation", "RFC 5737", false},
    SpecialPurpose{"192.31.196.0/24", "AS112", "RFC 7535", true},
    SpecialPurpose{"192.52.193.0/24", "automatic multicast tunneling", "RFC 7450", true},
    SpecialPurpose{"192.88.99.0/24", "6to4 relay anycast, deprecated", "RFC 7526", false},
    SpecialPurpose{"192.88.99.2/32", "6a44 relay anycast", "RFC 6751", false},
    SpecialPurpose{"192.168.0.0/16", "private use", "RFC 1918", false},
    SpecialPurpose{"192.175.48.0/24", "AS112, direct delegation", "RFC 7534", true},
    SpecialPurpose{"198.18.0.0/15", "benchmarking", "RFC 2544", false},
    SpecialPurpose{"198.51.100.0/24", "documentation", "RFC 5737", false},
    SpecialPurpose{"203.0.113.0/24", "documentation", "RFC 5737", false},
    SpecialPurpose{"224.0.0.0/4", "multicast", "RFC 5771", false},
    SpecialPurpose{"240.0.0.0/4", "reserved", "RFC 1112, section 4", false},
    SpecialPurpose{"255.255.255.255/32", "limited broadcast", "RFC 8190, RFC 919", false},

    SpecialPurpose{"::1/128", "loopback", "RFC 4291", false},
    SpecialPurpose{"::/128", "unspecified", "RFC 4291", false},
    SpecialPurpose{"::ffff:0:0/96", "IPv4-mapped", "RFC 4291", false},
    SpecialPurpose{"64:ff9b::/96", "IPv4-IPv6 translation", "RFC 6052", true},
    SpecialPurpose{"64:ff9b:1::/48", "IPv4-IPv6 translation, local", "RFC 8215", false},
    SpecialPurpose{"100::/64", "discard only", "RFC 6666", false},
    SpecialPurpose{"100:0:0:1::/64", "IPv6 dummy prefix", "RFC 9780", false},
    SpecialPurpose{"2001::/23", "IETF protocol assignments", "RFC 2928", false},
    SpecialPurpose{"2001::/32", "Teredo", "RFC 4380, RFC 8190", false},
    SpecialPurpose{"2001:1::1/128", "Port Control Protocol anycast", "RFC 7723", true},
    SpecialPurpose{"2001:1::2/128", "TURN anycast", "RFC 8155", true},
    SpecialPurpose{"2001:1::3/128", "DNS-SD service registration anycast", "RFC 9665", true},
    SpecialPurpose{"2001:2::/48", "benchmarking", "RFC 5180", false},
    SpecialPurpose{"2001:3::/32", "automatic multicast tunneling", "RFC 7450", true},
    SpecialPurpose{"2001:4:112::/48", "AS112", "RFC 7535", true},
    SpecialPurpose{"2001:10::/28", "ORCHID, deprecated", "RFC 4843", false},
    SpecialPurpose{"2001:20::/28", "ORCHIDv2", "RFC 7343", true},
    SpecialPurpose{"2001:30::/28", "drone remote identification", "RFC 9374", true},
    SpecialPurpose{"2001:db8::/32", "documentation", "RFC 3849", false},
    SpecialPurpose{"2002::/16", "6to4", "RFC 3056", false},
    SpecialPurpose{"2620:4f:8000::/48", "AS112, direct delegation", "RFC 7534", true},
    SpecialPurpose{"3fff::/20", "documentation", "RFC 9637", false},
    SpecialPurpose{"5f00::/16", "segment routing identifiers", "RFC 9602", false},
    SpecialPurpose{"fc00::/7", "unique local", "RFC 4193, RFC 8190", false},
    SpecialPurpose{"fe80::/10", "link local", "RFC 4291", false},
    SpecialPurpose{"fec0::/10", "site local, deprecated", "RFC 3879", false},
    SpecialPurpose{"ff00::/8", "multicast", "RFC 4291, section 2.7", false},
};

// Each entry by its number, from 1.
PrefixMap make_map() {
  PrefixMap map;
  std::uint32_t number = 0;
  for (const SpecialPurpose& entry : entries) map.add(Prefix::parse(entry.prefix).value(), ++number);
  map.finish();
  return map;
}

const SpecialPurpose* unreachable(const PrefixMap& map, const IpAddress& address) {
  const std::uint32_t number = map.find(address);
  if (number == 0 || entries[number - 1].globally_reachable) return nullptr;
  return &entries[number - 1];
}

}  // namespace

const SpecialPurpose* special_purpose_of(const IpAddress& address) {
  static const PrefixMap map = make_map();
  if (const SpecialPurpose* entry = unreachable(map, address)) return entry;
  return unreachable(map, embedded_v4(address));
}

}  // namespace spiderling
