// Cuts an IP packet into fragments.
#pragma once

#include "spiderling/builder.h"

namespace spiderling {

/// The fragments of one IPv4 (RFC 791, section 3.2) or IPv6 packet (RFC 8200, section 4.5), one after
/// another.
///
///     Fragmenter fragments(ip_packet, 576, 0xabcd);
///     std::uint8_t room[1500];
///     for (auto f = fragments.next(room); f && !f->empty(); f = fragments.next(room)) send(*f);
///
/// IPv4: options go into the first fragment, those with the copied flag into all; DF is left as it is, since
/// whoever forges fragments decides. IPv6: hop-by-hop, routing and the destination options before routing go
/// into every fragment. A packet that fits is given back as it is. No heap; the packet must outlive this; one
/// thread at a time.
class Fragmenter {
 public:
  /// `mtu`: the longest fragment, IP header included. `identification`: of the IPv6 fragment header; IPv4
  /// packets keep their own.
  Fragmenter(Bytes ip_packet, std::size_t mtu, std::uint32_t identification = 0);

  /// The next one, written into `room`; empty after the last. too_long: no packet, or its headers leave no
  /// room for eight bytes of data below the MTU; overflow: `room` is too small.
  tl::expected<Bytes, BuildError> next(std::span<std::uint8_t> room);

 private:
  tl::expected<Bytes, BuildError> next_v4(std::span<std::uint8_t> room);
  tl::expected<Bytes, BuildError> next_v6(std::span<std::uint8_t> room);
  /// Of data for the next fragment: all that is left if it fits, else a multiple of eight. 0: no room.
  std::size_t piece(std::size_t header) const;

  Bytes packet_;
  std::size_t mtu_;
  std::uint32_t identification_;
  std::size_t header_ = 0;          // what goes before the data; IPv6: without the fragment header
  std::size_t next_header_at_ = 0;  // IPv6: of the last unfragmentable header
  std::size_t done_ = 0;            // bytes of data given out
  bool ended_ = false;
};

}  // namespace spiderling
