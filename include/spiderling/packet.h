// A packet as handlers see it: a borrowed view with its layers already found.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "spiderling/address.h"
#include "spiderling/bytes.h"
#include "spiderling/headers/dns.h"
#include "spiderling/headers/ethernet.h"
#include "spiderling/headers/icmp.h"
#include "spiderling/headers/ip.h"
#include "spiderling/headers/tcp.h"
#include "spiderling/headers/transport.h"

namespace spiderling {

/// A point in time with the resolution of a capture, in UTC.
using Timestamp = std::chrono::sys_time<std::chrono::nanoseconds>;

/// Seconds since the epoch, as results carry them. A double keeps about 200 ns of today's times.
inline double to_seconds(Timestamp time) {
  // In two parts: nanoseconds since 1970 are more than a double can hold.
  const auto whole = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch());
  const std::chrono::duration<double> rest = time.time_since_epoch() - whole;
  return static_cast<double>(whole.count()) + rest.count();
}

/// What the first byte of a packet belongs to: libpcap's LINKTYPE_ numbers, those that we decode.
enum class LinkType : std::uint16_t {
  null = 0,  // BSD loopback, host byte order of the capturing machine
  ethernet = 1,
  ppp = 9,
  raw_bsd = 12,  // DLT_RAW as some files carry it
  raw_openbsd = 14,
  ppp_hdlc = 50,
  raw_ip = 101,
  loop = 108,  // OpenBSD loopback, network byte order
  linux_cooked = 113,
  ipv4 = 228,
  ipv6 = 229,
  linux_cooked_v2 = 276,
};

/// What is wrong with a packet, found while its layers were looked for. The first thing found counts.
enum class Defect : std::uint8_t {
  none,
  cut_link,       ///< the capture ends inside the link layer
  cut_network,    ///< ... inside the network header
  cut_transport,  ///< ... inside the transport header, ports still read where they were there
  bad_link,       ///< too many tags or labels, an impossible family
  bad_network,    ///< an impossible IP version, header length, total length or extension header
  bad_transport,  ///< an impossible transport header length
  bad_option,     ///< an IPv4 or TCP option with an impossible length
};

class OwnedPacket;

/// A view over bytes of a capture ring or a mapped file, with the offsets of its layers:
///
///     data()                  network()       transport()     payload()
///     | link, VLAN, MPLS, ... | IPv4 or IPv6  | TCP, UDP, ... | payload_length() bytes, without padding
///
/// Lifetime: until the handler that was given it returns; own() is the one way to keep it. Thread-safety: a
/// packet belongs to the thread that was given it.
///
///     if (const auto tcp = packet.tcp(); tcp && tcp->has(tcp_flag::syn)) count(tcp->destination_port());
class Packet {
 public:
  Packet() = default;

  // --- the capture's words about it
  Timestamp time() const { return Timestamp(std::chrono::nanoseconds(time_ns_)); }
  /// Epoch seconds.
  double time_seconds() const { return to_seconds(time()); }
  LinkType link_type() const { return link_type_; }
  /// Bytes as far as captured.
  Bytes data() const { return {data_, captured_}; }
  /// Bytes on the wire, at least data().size().
  std::uint32_t wire_length() const { return wire_length_; }
  Defect defect() const { return defect_; }

  // --- link layer
  std::optional<EthernetHeader> ethernet() const {
    if (link_type_ != LinkType::ethernet) return std::nullopt;
    return EthernetHeader::at(data());
  }
  /// The protocol behind link header, VLAN tags and MPLS labels: an EtherType; 0 if there is none.
  std::uint16_t ether_type() const { return ether_type_; }
  /// The outermost VLAN tag.
  std::optional<VlanTag> vlan() const {
    if (vlan_count_ == 0) return std::nullopt;
    return vlan_;
  }
  std::uint8_t vlan_count() const { return vlan_count_; }
  std::uint8_t mpls_label_count() const { return mpls_count_; }
  std::optional<ArpHeader> arp() const {
    if (ether_type_ != static_cast<std::uint16_t>(EtherType::arp)) return std::nullopt;
    return ArpHeader::at(data().subspan(network_));
  }

  // --- network layer
  IpVersion ip_version() const { return ip_version_; }
  bool is_ip() const { return ip_version_ != IpVersion::none; }
  std::optional<Ipv4Header> ip4() const {
    if (ip_version_ != IpVersion::v4) return std::nullopt;
    return Ipv4Header::at(network());
  }
  std::optional<Ipv6Header> ip6() const {
    if (ip_version_ != IpVersion::v6) return std::nullopt;
    return Ipv6Header::at(network());
  }
  /// From the first byte of the network header to the end of the capture (padding included). Empty without
  /// one.
  Bytes network() const { return ether_type_ == 0 ? Bytes{} : data().subspan(network_); }
  IpAddress source() const {
    if (ip_version_ == IpVersion::v4) return IpAddress::v4(data_ + network_ + 12);
    if (ip_version_ == IpVersion::v6) return IpAddress::v6(data_ + network_ + 8);
    return {};
  }
  IpAddress destination() const {
    if (ip_version_ == IpVersion::v4) return IpAddress::v4(data_ + network_ + 16);
    if (ip_version_ == IpVersion::v6) return IpAddress::v6(data_ + network_ + 24);
    return {};
  }
  /// Traffic class (v6) or type of service (v4): DSCP and ECN together.
  std::uint8_t traffic_class() const {
    const std::uint8_t* p = data_ + network_;
    if (ip_version_ == IpVersion::v4) return p[1];
    if (ip_version_ == IpVersion::v6) return static_cast<std::uint8_t>(load_be16(p) >> 4);
    return 0;
  }
  std::uint8_t dscp() const { return static_cast<std::uint8_t>(traffic_class() >> 2); }
  Ecn ecn() const { return static_cast<Ecn>(traffic_class() & 3); }
  /// Length of the IP datagram, header included, as the IP header states it (or the wire, where a large
  /// segment was captured before segmentation and states 0).
  std::uint32_t ip_length() const { return ip_length_; }
  /// Set if this is a fragment, the first one included.
  std::optional<FragmentInfo> fragment() const;
  bool is_fragment() const { return is_fragment_; }
  /// True for a fragment that has no transport header in it.
  bool is_later_fragment() const { return is_later_fragment_; }

  // --- transport layer
  /// The protocol behind the IPv4 header or the last IPv6 extension header. Also in later fragments.
  std::uint8_t protocol() const { return protocol_; }
  bool is(IpProtocol protocol) const { return is_ip() && protocol_ == static_cast<std::uint8_t>(protocol); }
  std::optional<TcpHeader> tcp() const {
    if (!is(IpProtocol::tcp) || is_later_fragment_) return std::nullopt;
    return TcpHeader::at(transport_bytes());
  }
  std::optional<UdpHeader> udp() const {
    if (!is(IpProtocol::udp) || is_later_fragment_) return std::nullopt;
    return UdpHeader::at(transport_bytes());
  }
  std::optional<SctpHeader> sctp() const {
    if (!is(IpProtocol::sctp) || is_later_fragment_) return std::nullopt;
    return SctpHeader::at(transport_bytes());
  }
  /// ICMPv4 in IPv4, ICMPv6 in IPv6.
  std::optional<IcmpHeader> icmp() const {
    if (!is_icmp() || is_later_fragment_) return std::nullopt;
    return IcmpHeader::at(transport_bytes(), ip_version_);
  }
  bool is_icmp() const {
    return (ip_version_ == IpVersion::v4 && protocol_ == static_cast<std::uint8_t>(IpProtocol::icmp)) ||
           (ip_version_ == IpVersion::v6 && protocol_ == static_cast<std::uint8_t>(IpProtocol::icmpv6));
  }
  /// The packet that an ICMP error is about, as far as it was quoted; layers found as in any packet. nullopt
  /// for anything else, and for a quotation shorter than an IP header.
  std::optional<Packet> quotation() const;
  Transport transport() const { return {protocol_, transport_bytes()}; }
  /// TCP, UDP, UDP-Lite and SCTP: true if both ports were there.
  bool has_ports() const { return has_ports_; }
  std::uint16_t source_port() const { return has_ports_ ? load_be16(data_ + transport_) : std::uint16_t{0}; }
  std::uint16_t destination_port() const {
    return has_ports_ ? load_be16(data_ + transport_ + 2) : std::uint16_t{0};
  }

  // --- payload
  /// Behind the transport header, as far as captured; Ethernet padding is never payload.
  Bytes payload() const { return {data_ + payload_, payload_captured_}; }
  /// Bytes of payload that the IP length states, captured or not.
  std::uint32_t payload_length() const { return payload_length_; }
  /// A DNS message: over UDP with port 53 or 5353, or whole in one TCP segment with port 53. nullopt for
  /// anything else and for fewer than the twelve bytes of its header.
  std::optional<DnsMessage> dns() const;

  // --- tunnels
  /// The packet inside GRE, IP-in-IP or VXLAN (UDP port 4789), one level down. nullopt if there is none.
  std::optional<Packet> inner() const;

  /// A copy that may be kept. Allocates.
  OwnedPacket own() const;

 private:
  friend class Dissector;  // src/wire: the only writer

  Bytes transport_bytes() const { return {data_ + transport_, transport_captured_}; }

  const std::uint8_t* data_ = nullptr;
  std::int64_t time_ns_ = 0;
  std::uint32_t captured_ = 0;
  std::uint32_t wire_length_ = 0;
  std::uint32_t ip_length_ = 0;
  std::uint32_t transport_captured_ = 0;
  std::uint32_t payload_length_ = 0;
  std::uint32_t payload_captured_ = 0;
  std::uint32_t payload_ = 0;
  std::uint16_t network_ = 0;
  std::uint16_t transport_ = 0;
  std::uint16_t fragment_header_ = 0;  // of the IPv6 fragment header
  LinkType link_type_ = LinkType::ethernet;
  std::uint16_t ether_type_ = 0;
  VlanTag vlan_;
  IpVersion ip_version_ = IpVersion::none;
  std::uint8_t protocol_ = 0;
  std::uint8_t vlan_count_ = 0;
  std::uint8_t mpls_count_ = 0;
  Defect defect_ = Defect::none;
  bool is_fragment_ = false;
  bool is_later_fragment_ = false;
  bool has_ports_ = false;
};

/// A packet with its own copy of the bytes: keep it as long as you like, give it to any one thread.
class OwnedPacket {
 public:
  explicit OwnedPacket(const Packet& packet);
  OwnedPacket(OwnedPacket&&) noexcept = default;
  OwnedPacket& operator=(OwnedPacket&&) noexcept = default;

  const Packet& packet() const { return packet_; }
  const Packet* operator->() const { return &packet_; }
  const Packet& operator*() const { return packet_; }

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
  Packet packet_;
};

}  // namespace spiderling
