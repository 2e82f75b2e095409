// Ethernet II (IEEE 802.3), 802.1Q tags, ARP (RFC 826).
#pragma once

#include <optional>

#include "spiderling/address.h"
#include "spiderling/bytes.h"

namespace spiderling {

/// Protocol numbers of the EtherType field that we decode.
enum class EtherType : std::uint16_t {
  ipv4 = 0x0800,
  arp = 0x0806,
  transparent_ethernet = 0x6558,  // Ethernet inside GRE or Geneve
  vlan = 0x8100,                  // 802.1Q
  ipv6 = 0x86dd,
  mpls = 0x8847,
  mpls_multicast = 0x8848,
  pppoe_session = 0x8864,
  qinq = 0x88a8,      // 802.1ad
  qinq_old = 0x9100,  // before the standard
};

/// A view of an Ethernet header. Valid as long as the packet.
///
///     const auto ethernet = packet.ethernet();
///     if (ethernet) return ethernet->source().to_string();
class EthernetHeader {
 public:
  static constexpr std::size_t size = 14;

  static std::optional<EthernetHeader> at(Bytes bytes) {
    if (bytes.size() < size) return std::nullopt;
    return EthernetHeader(bytes.data());
  }
  MacAddress destination() const { return MacAddress::from(p_); }
  MacAddress source() const { return MacAddress::from(p_ + 6); }
  /// The EtherType, or a length (802.3) if below 1536.
  std::uint16_t type() const { return load_be16(p_ + 12); }

 private:
  explicit EthernetHeader(const std::uint8_t* p) : p_(p) {}
  const std::uint8_t* p_;
};

/// One 802.1Q tag control information.
struct VlanTag {
  std::uint16_t tci = 0;
  std::uint16_t id() const { return tci & 0x0fff; }
  std::uint8_t priority() const { return static_cast<std::uint8_t>(tci >> 13); }
};

/// A view of an ARP message for IPv4 over Ethernet (RFC 826: hardware type 1, protocol 0x0800, lengths 6 and
/// 4). Messages for other hardware or protocols, and cut ones, give nullopt.
class ArpHeader {
 public:
  static constexpr std::size_t size = 28;

  static std::optional<ArpHeader> at(Bytes bytes) {
    if (bytes.size() < size) return std::nullopt;
    const std::uint8_t* p = bytes.data();
    if (load_be16(p) != 1 || load_be16(p + 2) != 0x0800 || p[4] != 6 || p[5] != 4) return std::nullopt;
    return ArpHeader(p);
  }
  /// 1 request, 2 reply.
  std::uint16_t operation() const { return load_be16(p_ + 6); }
  MacAddress sender_hardware() const { return MacAddress::from(p_ + 8); }
  IpAddress sender_address() const { return IpAddress::v4(p_ + 14); }
  MacAddress target_hardware() const { return MacAddress::from(p_ + 18); }
  IpAddress target_address() const { return IpAddress::v4(p_ + 24); }

 private:
  explicit ArpHeader(const std::uint8_t* p) : p_(p) {}
  const std::uint8_t* p_;
};

}  // namespace spiderling
