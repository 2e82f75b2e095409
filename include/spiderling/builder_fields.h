// The fields of the headers that PacketBuilder writes. Host byte order, as the views give them. A
// std::optional field is filled in by finish(); set it to have something else there, wrong values included.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "spiderling/packet.h"

namespace spiderling {

struct EthernetFields {
  MacAddress destination{};
  MacAddress source{};
  std::optional<std::uint16_t> type{};
};

struct VlanFields {
  std::uint16_t id = 0;
  std::uint8_t priority = 0;
  bool drop_eligible = false;
  std::uint16_t tag_protocol = 0x8100;  ///< 0x88a8 for the outer tag of 802.1ad
  std::optional<std::uint16_t> type{};
};

/// RFC 3032.
struct MplsFields {
  std::uint32_t label = 16;
  std::uint8_t traffic_class = 0;
  std::uint8_t ttl = 64;
  std::optional<bool> bottom_of_stack{};
};

/// RFC 826.
struct ArpFields {
  std::uint16_t operation = 1;  ///< 1 request, 2 reply
  MacAddress sender_hardware{};
  IpAddress sender_address{};
  MacAddress target_hardware{};
  IpAddress target_address{};
};

/// Linux cooked capture, both versions.
struct LinuxCookedFields {
  std::uint16_t packet_type = 0;  ///< 0 to us, 1 broadcast, 2 multicast, 3 others', 4 from us
  std::uint16_t hardware_type = 1;
  MacAddress address{};
  std::uint32_t interface_index = 1;  ///< version 2 only
  std::optional<std::uint16_t> protocol{};
};

/// PPP (RFC 1661), with address and control bytes as in HDLC framing (RFC 1662) or without.
struct PppFields {
  bool with_address_and_control = true;
  std::optional<std::uint16_t> protocol{};
};

/// RFC 791.
///
///     const Ip4Fields fields{.source = client, .destination = server, .ecn = Ecn::ect0, .checksum = 0};
///     packet.ip4(fields);  // with a checksum that is wrong
struct Ip4Fields {
  IpAddress source{};
  IpAddress destination{};
  std::uint8_t dscp = 0;
  Ecn ecn = Ecn::not_ect;
  std::uint16_t identification = 0;
  bool reserved_flag = false;
  bool dont_fragment = false;
  bool more_fragments = false;
  std::uint16_t fragment_offset = 0;  ///< in bytes, a multiple of 8
  std::uint8_t ttl = 64;
  std::uint8_t version = 4;
  std::optional<std::uint8_t> header_words{};
  std::optional<std::uint16_t> total_length{};
  std::optional<std::uint8_t> protocol{};
  std::optional<std::uint16_t> checksum{};
};

/// RFC 8200.
struct Ip6Fields {
  IpAddress source{};
  IpAddress destination{};
  std::uint8_t dscp = 0;
  Ecn ecn = Ecn::not_ect;
  std::uint32_t flow_label = 0;
  std::uint8_t hop_limit = 64;
  std::uint8_t version = 6;
  std::optional<std::uint16_t> payload_length{};
  std::optional<std::uint8_t> next_header{};
};

/// RFC 8200, section 4.5.
struct Ip6FragmentFields {
  std::uint32_t identification = 0;
  std::uint16_t offset = 0;  ///< in bytes, a multiple of 8
  bool more_fragments = false;
  std::optional<std::uint8_t> next_header{};
};

/// RFC 8200, section 4.4. `addresses` is only read during the call.
struct Ip6RoutingFields {
  std::uint8_t type = 0;
  std::uint8_t segments_left = 0;
  std::span<const IpAddress> addresses{};
  std::optional<std::uint8_t> header_length{};  ///< in units of 8 bytes, the first one not counted
  std::optional<std::uint8_t> next_header{};
};

/// RFC 9293.
struct TcpFields {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint8_t flags = 0;  ///< tcp_flag::
  std::uint16_t window = 65535;
  std::uint16_t urgent_pointer = 0;
  std::uint8_t reserved = 0;
  std::optional<std::uint8_t> header_words{};
  std::optional<std::uint16_t> checksum{};
};

/// RFC 768.
struct UdpFields {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::optional<std::uint16_t> length{};
  std::optional<std::uint16_t> checksum{};  ///< 0: none
};

/// RFC 3828.
struct UdpLiteFields {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint16_t coverage = 0;  ///< bytes that the checksum covers, header included; 0: all
  std::optional<std::uint16_t> checksum{};
};

/// RFC 9260.
struct SctpFields {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t verification_tag = 0;
  std::optional<std::uint32_t> checksum{};
};

/// RFC 792 and RFC 4443.
struct IcmpFields {
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint32_t rest_of_header = 0;
  std::optional<std::uint16_t> checksum{};
};

/// The rest of the header of an echo request or reply.
constexpr std::uint32_t icmp_echo(std::uint16_t identifier, std::uint16_t sequence) {
  return std::uint32_t{identifier} << 16 | sequence;
}

/// RFC 2784 and RFC 2890.
struct GreFields {
  bool with_checksum = false;
  std::optional<std::uint32_t> key{};       ///< left out if not set
  std::optional<std::uint32_t> sequence{};  ///< left out if not set
  std::uint8_t version = 0;
  std::optional<std::uint16_t> protocol{};
};

/// RFC 7348.
struct VxlanFields {
  std::uint32_t network_identifier = 0;
  std::uint8_t flags = 0x08;
};

}  // namespace spiderling
