// Builds packets: for probes, for tests, for the corpora of the fuzz targets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

#include <tl/expected.hpp>

#include "spiderling/builder_fields.h"
#include "spiderling/header_options.h"

namespace spiderling {

/// Why a packet could not be built.
enum class BuildError : std::uint8_t {
  overflow,         ///< the buffer is too small
  too_many_layers,  ///< more than PacketBuilder::max_layers headers
  too_long,         ///< a length does not fit into its field; state one yourself
  bad_options,      ///< more options than the header has room for
  after_padding,    ///< something was added behind pad_to()
};

/// A sentence without a full stop, for error messages.
const char* describe(BuildError error);

/// Writes headers, outermost first, into a buffer of the caller's; finish() fills in what follows from the
/// rest: lengths, checksums, the number of the next protocol, header lengths. What is set in the fields stays
/// as it is.
///
///     PacketBuffer<2048> packet;
///     const auto bytes = packet.ethernet()
///                            .ip4({.source = client, .destination = server, .ecn = Ecn::ect0})
///                            .tcp({.source_port = 40000, .destination_port = 80, .flags = tcp_flag::syn},
///                                 {tcp_option::mss(1460), tcp_option::sack_permitted()})
///                            .finish();
///     if (!bytes) return bytes.error();  // *bytes is the whole frame
///
/// An error is kept and comes out of finish(); calls after it do nothing. No heap, no exception. One thread
/// at a time. Any order of layers is taken, sense or not: a hostile packet is a use case.
///
/// Transport checksums of a fragment are those of the bytes that are there: to cut a datagram see Fragmenter.
class PacketBuilder {
 public:
  static constexpr std::size_t max_layers = 24;

  explicit PacketBuilder(std::span<std::uint8_t> room) : room_(room) {}

  /// Starts again, in the same buffer.
  PacketBuilder& clear();

  // --- link layers
  PacketBuilder& ethernet(const EthernetFields& fields = {});
  PacketBuilder& vlan(const VlanFields& fields);
  PacketBuilder& mpls(const MplsFields& fields);
  PacketBuilder& arp(const ArpFields& fields);
  PacketBuilder& linux_cooked(const LinuxCookedFields& fields = {});
  PacketBuilder& linux_cooked_v2(const LinuxCookedFields& fields = {});
  PacketBuilder& ppp(const PppFields& fields = {});
  /// BSD loopback in the byte order of this machine (LinkType::null). Without a family: 2 or 30, from what
  /// follows.
  PacketBuilder& null_link(std::optional<std::uint32_t> family = {});
  /// OpenBSD loopback, network byte order (LinkType::loop). Without a family: 2 or 24, from what follows.
  PacketBuilder& loop_link(std::optional<std::uint32_t> family = {});

  // --- network layers; an option list is padded to a multiple of four bytes (IPv6: eight)
  PacketBuilder& ip4(const Ip4Fields& fields, std::initializer_list<OptionBytes> options = {});
  PacketBuilder& ip6(const Ip6Fields& fields);
  PacketBuilder& hop_by_hop(std::initializer_list<OptionBytes> options = {});
  PacketBuilder& destination_options(std::initializer_list<OptionBytes> options = {});
  PacketBuilder& routing(const Ip6RoutingFields& fields);
  PacketBuilder& ip6_fragment(const Ip6FragmentFields& fields);

  // --- transports and tunnels
  PacketBuilder& tcp(const TcpFields& fields, std::initializer_list<OptionBytes> options = {});
  PacketBuilder& udp(const UdpFields& fields);
  PacketBuilder& udp_lite(const UdpLiteFields& fields);
  PacketBuilder& sctp(const SctpFields& fields);
  /// A chunk, padded to a multiple of four bytes.
  PacketBuilder& sctp_chunk(std::uint8_t type, std::uint8_t flags, Bytes value);
  PacketBuilder& icmp4(const IcmpFields& fields);
  PacketBuilder& icmp6(const IcmpFields& fields);
  PacketBuilder& gre(const GreFields& fields = {});
  PacketBuilder& vxlan(const VxlanFields& fields);

  // --- what is carried
  PacketBuilder& payload(Bytes bytes);
  PacketBuilder& payload(std::string_view text);
  /// So many bytes of this value.
  PacketBuilder& fill(std::size_t count, std::uint8_t value = 0);
  /// Quotes an IP packet, for an ICMP error: as much as its RFC allows. RFC 1812, section 4.3.2.3: the
  /// message is at most 576 bytes long; RFC 4443, section 2.4: 1280.
  PacketBuilder& quote(Bytes ip_packet);
  /// Zero bytes behind the datagram, until the frame is this long; no length counts them. Nothing may follow.
  PacketBuilder& pad_to(std::size_t frame_length);

  /// The whole frame, or why there is none. Borrowed from the buffer. May be called again after more was
  /// added.
  tl::expected<Bytes, BuildError> finish();

 private:
  enum class Kind : std::uint8_t {
    ethernet,
    vlan,
    mpls,
    arp,
    linux_cooked,
    linux_cooked_v2,
    ppp,
    null_link,
    loop_link,
    ip4,
    ip6,
    hop_by_hop,
    destination_options,
    routing,
    ip6_fragment,
    tcp,
    udp,
    udp_lite,
    sctp,
    icmp4,
    icmp6,
    gre,
    vxlan,
  };
  // What finish() has to fill in.
  static constexpr unsigned next_protocol = 1;
  static constexpr unsigned length = 2;
  static constexpr unsigned checksum = 4;
  struct Layer {
    Kind kind{};
    std::uint8_t automatic = 0;
    std::uint16_t header_length = 0;
    std::size_t offset = 0;
    std::uint16_t tag_protocol = 0;  // of a VLAN tag
  };

  std::uint8_t* add_layer(Kind kind, std::size_t header_length, unsigned automatic);
  std::uint8_t* add_bytes(std::size_t count);
  PacketBuilder& fail(BuildError error);
  PacketBuilder& add_icmp(const IcmpFields& fields, Kind kind);
  PacketBuilder& add_ip6_options(std::initializer_list<OptionBytes> options, Kind kind);

  // The steps of finish().
  void fill_in_next(std::size_t index);
  void fill_in_length(const Layer& layer);
  void fill_in_checksum(std::size_t index);
  void fill_in_transport_checksum(std::size_t index, IpProtocol protocol, std::size_t at);
  std::uint16_t link_protocol_behind(std::size_t index) const;
  std::uint8_t ip_protocol_behind(std::size_t index) const;
  const Layer* behind(std::size_t index) const;
  const Layer* ip_around(std::size_t index) const;
  Bytes content(const Layer& layer) const;

  std::span<std::uint8_t> room_;
  std::size_t size_ = 0;
  std::optional<std::size_t> padding_at_;
  std::optional<BuildError> error_;
  std::array<Layer, max_layers> layers_{};
  std::size_t layer_count_ = 0;
};

/// A PacketBuilder with its buffer.
template <std::size_t Capacity>
class PacketBuffer : public PacketBuilder {
 public:
  PacketBuffer() : PacketBuilder(std::span<std::uint8_t>(storage_, Capacity)) {}
  PacketBuffer(const PacketBuffer&) = delete;
  PacketBuffer& operator=(const PacketBuffer&) = delete;

 private:
  std::uint8_t storage_[Capacity];
};

}  // namespace spiderling
