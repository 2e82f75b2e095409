#include "wire/fragmenter.h"

#include <algorithm>

#include "wire/checksum.h"

namespace spiderling {
namespace {

constexpr std::size_t fragment_header = 8;

bool is_extension(std::uint8_t protocol) {
  return protocol == static_cast<std::uint8_t>(IpProtocol::hop_by_hop) ||
         protocol == static_cast<std::uint8_t>(IpProtocol::routing) ||
         protocol == static_cast<std::uint8_t>(IpProtocol::destination_options);
}

struct Unfragmentable {
  std::size_t size;            // of the IPv6 header and the extension headers that every fragment repeats
  std::size_t next_header_at;  // where the last of them names what follows
};

// Up to the routing header if there is one, else up to the hop-by-hop header, else the fixed header.
Unfragmentable unfragmentable_part(Bytes packet) {
  Unfragmentable part{Ipv6Header::size, 6};
  Unfragmentable here = part;
  while (is_extension(packet[here.next_header_at]) && packet.size() - here.size >= 8) {
    const std::uint8_t protocol = packet[here.next_header_at];
    const std::size_t size = (packet[here.size + 1] + std::size_t{1}) * 8;
    if (size > packet.size() - here.size) break;
    here = {here.size + size, here.size};
    if (protocol != static_cast<std::uint8_t>(IpProtocol::destination_options)) part = here;
  }
  return part;
}

// The header of fragments but the first: options with the copied flag only, padded. Returns its size.
std::size_t copy_later_header(const Ipv4Header& ip, std::uint8_t* out) {
  std::memcpy(out, ip.bytes().data(), Ipv4Header::min_size);
  std::size_t size = Ipv4Header::min_size;
  Bytes options = ip.options();
  while (!options.empty() && options[0] != 0) {
    const std::size_t length = options[0] == 1 ? 1 : options.size() < 2 ? 0 : options[1];
    if (length == 0 || length > options.size() || (options[0] != 1 && length < 2)) break;
    if ((options[0] & 0x80) != 0) {
      std::memcpy(out + size, options.data(), length);
      size += length;
    }
    options = options.subspan(length);
  }
  while (size % 4 != 0) out[size++] = 0;
  out[0] = static_cast<std::uint8_t>(0x40 | size / 4);
  return size;
}

}  // namespace

Fragmenter::Fragmenter(Bytes ip_packet, std::size_t mtu, std::uint32_t identification)
    : packet_(ip_packet), mtu_(mtu), identification_(identification) {
  if (const auto ip4 = Ipv4Header::at(packet_)) {
    header_ = ip4->header_length();
  } else if (Ipv6Header::at(packet_)) {
    const Unfragmentable part = unfragmentable_part(packet_);
    header_ = part.size;
    next_header_at_ = part.next_header_at;
  }
}

std::size_t Fragmenter::piece(std::size_t header) const {
  const std::size_t left = packet_.size() - header_ - done_;
  if (mtu_ < header + 8) return 0;
  return left <= mtu_ - header ? left : (mtu_ - header) / 8 * 8;
}

tl::expected<Bytes, BuildError> Fragmenter::next(std::span<std::uint8_t> room) {
  if (ended_) return Bytes{};
  if (header_ == 0) return tl::unexpected(BuildError::too_long);
  if (done_ == 0 && packet_.size() <= mtu_) {
    if (room.size() < packet_.size()) return tl::unexpected(BuildError::overflow);
    std::copy(packet_.begin(), packet_.end(), room.begin());
    ended_ = true;
    return Bytes(room.first(packet_.size()));
  }
  return next_header_at_ == 0 ? next_v4(room) : next_v6(room);
}

tl::expected<Bytes, BuildError> Fragmenter::next_v4(std::span<std::uint8_t> room) {
  const Ipv4Header ip = *Ipv4Header::at(packet_);
  std::uint8_t header[60];
  std::size_t header_size = header_;
  if (done_ == 0) {
    std::memcpy(header, packet_.data(), header_);
  } else {
    header_size = copy_later_header(ip, header);
  }
  const std::size_t size = piece(header_size);
  if (size == 0) return tl::unexpected(BuildError::too_long);
  if (room.size() < header_size + size) return tl::unexpected(BuildError::overflow);

  const bool is_last = header_ + done_ + size == packet_.size();
  const bool more = !is_last || ip.more_fragments();
  const std::size_t offset = ip.fragment_offset() + done_;
  store_be16(header + 2, static_cast<std::uint16_t>(header_size + size));
  store_be16(header + 6, static_cast<std::uint16_t>((header[6] & 0xc0u) << 8 | (more ? 0x2000u : 0u) |
                                                    (offset / 8 & 0x1fffu)));
  store_be16(header + 10, 0);
  store_be16(header + 10, internet_checksum({header, header_size}));
  std::memcpy(room.data(), header, header_size);
  std::memcpy(room.data() + header_size, packet_.data() + header_ + done_, size);
  done_ += size;
  ended_ = is_last;
  return Bytes(room.first(header_size + size));
}

tl::expected<Bytes, BuildError> Fragmenter::next_v6(std::span<std::uint8_t> room) {
  const std::size_t header_size = header_ + fragment_header;
  const std::size_t size = piece(header_size);
  if (size == 0) return tl::unexpected(BuildError::too_long);
  if (room.size() < header_size + size) return tl::unexpected(BuildError::overflow);

  const bool is_last = header_ + done_ + size == packet_.size();
  std::uint8_t* p = room.data();
  std::memcpy(p, packet_.data(), header_);
  store_be16(p + 4, static_cast<std::uint16_t>(header_size + size - Ipv6Header::size));
  std::uint8_t* fragment = p + header_;
  fragment[0] = p[next_header_at_];
  fragment[1] = 0;
  store_be16(fragment + 2, static_cast<std::uint16_t>((done_ & 0xfff8) | (is_last ? 0u : 1u)));
  store_be32(fragment + 4, identification_);
  p[next_header_at_] = static_cast<std::uint8_t>(IpProtocol::fragment);
  std::memcpy(p + header_size, packet_.data() + header_ + done_, size);
  done_ += size;
  ended_ = is_last;
  return Bytes(room.first(header_size + size));
}

}  // namespace spiderling
