// Packets for the tests of this stage and of those behind it. Only for tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string_view>
#include <vector>

#include "capture/frame.h"
#include "spiderling/builder.h"
#include "wire/fragmenter.h"

namespace spiderling::testing {

using PacketBytes = std::vector<std::uint8_t>;

inline constexpr std::int64_t millisecond = 1'000'000;
inline constexpr std::int64_t second = 1'000'000'000;
/// When the traces of the tests begin: 2020-09-13T12:26:40Z.
inline constexpr std::int64_t start_ns = 1'600'000'000 * second;

inline IpAddress address(std::string_view text) {
  const auto parsed = IpAddress::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed.value_or(IpAddress{});
}

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
};

/// Two hosts and a router between them, in one IP version.
struct Hosts {
  Endpoint client;
  Endpoint server;
  Endpoint router;
};
inline Hosts hosts(IpVersion version) {
  if (version == IpVersion::v4) {
    return {{address("192.0.2.10"), 40000}, {address("198.51.100.20"), 80}, {address("203.0.113.1"), 0}};
  }
  return {{address("2001:db8:a::10"), 40000}, {address("2001:db8:b::20"), 80}, {address("2001:db8:c::1"), 0}};
}

/// What an IP header may have besides its addresses.
struct IpExtras {
  std::uint8_t dscp = 0;
  Ecn ecn = Ecn::not_ect;
  bool reserved_flag = false;  ///< IPv4 only
  std::uint16_t identification = 0;
};

/// A packet that starts with its IP header; `add` puts on it what the IP header is followed by.
template <class Add>
PacketBytes ip_packet(const Endpoint& from, const Endpoint& to, const IpExtras& extras, Add&& add) {
  const auto buffer = std::make_unique<PacketBuffer<70000>>();
  if (from.address.version == IpVersion::v4) {
    buffer->ip4({.source = from.address,
                 .destination = to.address,
                 .dscp = extras.dscp,
                 .ecn = extras.ecn,
                 .identification = extras.identification,
                 .reserved_flag = extras.reserved_flag});
  } else {
    buffer->ip6({.source = from.address, .destination = to.address, .dscp = extras.dscp, .ecn = extras.ecn});
  }
  add(static_cast<PacketBuilder&>(*buffer));
  const auto bytes = buffer->finish();
  if (!bytes) {
    ADD_FAILURE() << describe(bytes.error());
    return {};
  }
  return {bytes->begin(), bytes->end()};
}

struct TcpExtras {
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  OptionBytes options{};
  std::string_view payload{};
  IpExtras ip{};
};
inline PacketBytes tcp_packet(const Endpoint& from, const Endpoint& to, std::uint8_t flags,
                              const TcpExtras& extras = {}) {
  return ip_packet(from, to, extras.ip, [&](PacketBuilder& packet) {
    packet
        .tcp({.source_port = from.port,
              .destination_port = to.port,
              .sequence = extras.sequence,
              .acknowledgement = extras.acknowledgement,
              .flags = flags},
             {extras.options})
        .payload(extras.payload);
  });
}

inline PacketBytes udp_packet(const Endpoint& from, const Endpoint& to, std::size_t payload = 10,
                              const IpExtras& extras = {}) {
  return ip_packet(from, to, extras, [&](PacketBuilder& packet) {
    packet.udp({.source_port = from.port, .destination_port = to.port}).fill(payload, 0x55);
  });
}

/// A packet of a transport of which nothing is known, without ports.
inline PacketBytes other_packet(const Endpoint& from, const Endpoint& to, std::uint8_t protocol,
                                std::size_t payload = 10) {
  PacketBytes bytes = ip_packet(from, to, {}, [&](PacketBuilder& packet) { packet.fill(payload, 0x66); });
  if (from.address.version == IpVersion::v4) bytes.at(9) = protocol;
  if (from.address.version == IpVersion::v6) bytes.at(6) = protocol;
  return bytes;
}

/// An ICMP message of the version of the addresses, with no more than a header, then `rest`.
inline PacketBytes icmp_packet(const Endpoint& from, const Endpoint& to, std::uint8_t type, Bytes rest = {}) {
  return ip_packet(from, to, {}, [&](PacketBuilder& packet) {
    if (from.address.version == IpVersion::v4) packet.icmp4({.type = type});
    if (from.address.version == IpVersion::v6) packet.icmp6({.type = type});
    packet.payload(rest);
  });
}

/// "Destination unreachable" about a packet.
inline PacketBytes unreachable(const Endpoint& from, const Endpoint& to, const PacketBytes& about) {
  const std::uint8_t type = from.address.version == IpVersion::v4 ? 3 : 1;
  return ip_packet(from, to, {}, [&](PacketBuilder& packet) {
    if (type == 3) packet.icmp4({.type = type, .code = 1});
    if (type == 1) packet.icmp6({.type = type, .code = 4});
    packet.quote(about);
  });
}

/// `identification` is of the IPv6 fragment header; IPv4 packets bring their own.
inline std::vector<PacketBytes> fragments_of(const PacketBytes& packet, std::size_t mtu,
                                             std::uint32_t identification = 1) {
  std::vector<PacketBytes> fragments;
  Fragmenter fragmenter(packet, mtu, identification);
  std::vector<std::uint8_t> room(70000);
  for (auto f = fragmenter.next(room); f && !f->empty(); f = fragmenter.next(room)) {
    fragments.emplace_back(f->begin(), f->end());
  }
  EXPECT_GE(fragments.size(), 2u) << "not cut";
  return fragments;
}

/// Packets with their times, as a source would give them.
class Trace {
 public:
  /// `since_start`: nanoseconds since start_ns.
  Trace& at(std::int64_t since_start, PacketBytes bytes, LinkType link_type = LinkType::raw_ip) {
    return at_time(start_ns + since_start, std::move(bytes), link_type);
  }
  Trace& at_time(std::int64_t time_ns, PacketBytes bytes, LinkType link_type = LinkType::raw_ip) {
    packets_.push_back(std::move(bytes));
    frames_.push_back({nullptr, time_ns, static_cast<std::uint32_t>(packets_.back().size()),
                       static_cast<std::uint32_t>(packets_.back().size()), link_type});
    return *this;
  }
  /// Borrowed, until the next call of at().
  std::span<const Frame> frames() {
    for (std::size_t i = 0; i < packets_.size(); ++i) frames_[i].data = packets_[i].data();
    return frames_;
  }
  std::size_t size() const { return packets_.size(); }

 private:
  std::vector<PacketBytes> packets_;
  std::vector<Frame> frames_;
};

}  // namespace spiderling::testing
