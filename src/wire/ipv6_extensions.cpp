#include "wire/ipv6_extensions.h"

namespace spiderling {
namespace {

constexpr int max_extension_headers = 16;

// The last address of a routing header; nullopt if it has none that counts.
std::optional<IpAddress> last_segment(Bytes header) {
  constexpr std::size_t fixed = 8;
  constexpr std::size_t address = 16;
  if (header.size() < fixed + address || header[3] == 0) return std::nullopt;
  switch (header[2]) {
    case 0:  // RFC 2460, section 4.4: in the order of the way
    case 2:  // RFC 6275, section 6.4: one address
      return IpAddress::v6(header.data() + fixed + (header.size() - fixed) / address * address - address);
    case 4:  // RFC 8754, section 2: against the order of the way
      return IpAddress::v6(header.data() + fixed);
    default: return std::nullopt;
  }
}

}  // namespace

IpAddress final_destination(Bytes network) {
  if (const auto ip = Ipv4Header::at(network)) return ip->destination();
  const auto ip = Ipv6Header::at(network);
  if (!ip) return {};
  std::uint8_t next = ip->next_header();
  Bytes rest = network.subspan(Ipv6Header::size);
  for (int i = 0; i < max_extension_headers && rest.size() >= 8; ++i) {
    const auto protocol = static_cast<IpProtocol>(next);
    const bool is_fragment = protocol == IpProtocol::fragment;
    if (!is_fragment && protocol != IpProtocol::hop_by_hop && protocol != IpProtocol::routing &&
        protocol != IpProtocol::destination_options) {
      break;
    }
    const std::size_t length = is_fragment ? 8 : (std::size_t{rest[1]} + 1) * 8;
    if (length > rest.size()) break;
    if (protocol == IpProtocol::routing) {
      if (const auto last = last_segment(rest.first(length))) return *last;
    }
    next = rest[0];
    rest = rest.subspan(length);
  }
  return ip->destination();
}

}  // namespace spiderling
