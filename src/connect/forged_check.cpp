#include "connect/forged_check.h"

#include <cstddef>
#include <cstdint>
#include <limits>

#include "spiderling/packet.h"
#include "wire/checksum.h"
#include "wire/dissect.h"

namespace spiderling {

namespace {

constexpr std::size_t longest = std::numeric_limits<std::uint16_t>::max();

// RFC 791, section 3.1: options that name other hosts on the way, the last of them the destination.
constexpr bool is_source_route(std::uint8_t option) { return option == 131 || option == 137; }

Result<void> check_ip4_options(Bytes options) {
  while (!options.empty() && options[0] != 0) {
    if (options[0] == 1) {
      options = options.subspan(1);
      continue;
    }
    if (is_source_route(options[0]))
      return error("a source route leads to other addresses than the target's");
    if (options.size() < 2 || options[1] < 2 || options[1] > options.size())
      return error("an IPv4 option has an impossible length");
    options = options.subspan(options[1]);
  }
  return {};
}

Result<void> check_ip4(const Ipv4Header& header, std::size_t size) {
  if (header.total_length() != size)
    return error("the IPv4 header states a length of {}, the packet has {}", header.total_length(), size);
  if (header.checksum() != 0 && internet_checksum(header.bytes()) != 0)
    return error("the checksum of the IPv4 header is wrong, and the kernel would put it right: leave it 0");
  return check_ip4_options(header.options());
}

// RFC 8200, section 4: every extension header that may stand before a transport, by its own length.
Result<void> check_no_route(Bytes packet) {
  std::uint8_t next = packet[6];
  std::size_t at = Ipv6Header::size;
  while (at + 2 <= packet.size()) {
    switch (static_cast<IpProtocol>(next)) {
      case IpProtocol::routing: return error("a routing header leads to other addresses than the target's");
      case IpProtocol::hop_by_hop:
      case IpProtocol::destination_options:
      case IpProtocol::mobility:
      case IpProtocol::hip:
      case IpProtocol::shim6:
        next = packet[at];
        at += (packet[at + 1] + std::size_t{1}) * 8;
        break;
      case IpProtocol::ah:
        next = packet[at];
        at += (packet[at + 1] + std::size_t{2}) * 4;
        break;
      case IpProtocol::fragment:
        next = packet[at];
        at += 8;
        break;
      default: return {};
    }
  }
  return {};
}

Result<void> check_ip6(Bytes packet) {
  const std::size_t stated = Ipv6Header::size + std::size_t{load_be16(packet.data() + 4)};
  if (stated != packet.size())
    return error("the IPv6 header states a length of {}, the packet has {}", stated, packet.size());
  return check_no_route(packet);
}

Result<void> check_addresses(const Packet& packet, const ConnectionEnds& ends) {
  if (packet.source() != ends.sip)
    return error("its source {} is not our address {}", packet.source().to_string(), ends.sip.to_string());
  if (packet.destination() != ends.dip) {
    return error("its destination {} is not the target {}", packet.destination().to_string(),
                 ends.dip.to_string());
  }
  return {};
}

Result<void> check_transport(const Packet& packet, const ConnectionEnds& ends, IpProtocol protocol) {
  if (!packet.is(protocol)) {
    return error("its protocol is {}, that of the measurement {}", packet.protocol(),
                 static_cast<unsigned>(protocol));
  }
  if (!packet.has_ports()) return error("it has no ports");
  if (packet.source_port() != ends.sp || packet.destination_port() != ends.dp) {
    return error("its ports {} and {} are not the reserved {} and {}", packet.source_port(),
                 packet.destination_port(), ends.sp, ends.dp);
  }
  return {};
}

}  // namespace

Result<void> check_forged(Bytes bytes, const ConnectionEnds& ends, IpProtocol protocol) {
  if (bytes.empty()) return error("it is empty");
  if (bytes.size() > longest)
    return error("it has {} bytes; an IP packet has at most {}", bytes.size(), longest);
  Packet packet;
  Dissector::dissect_ip(packet, bytes, static_cast<std::uint32_t>(bytes.size()), 0);
  const auto ip4 = packet.ip4();
  if (!ip4 && !packet.ip6()) return error("it does not start with an IP header");
  if (auto fits = ip4 ? check_ip4(*ip4, bytes.size()) : check_ip6(bytes); !fits) return fits;
  if (auto ours = check_addresses(packet, ends); !ours) return ours;
  return check_transport(packet, ends, protocol);
}

}  // namespace spiderling
