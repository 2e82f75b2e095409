#include "lab/edits.h"

#include <optional>

#include "spiderling/packet.h"
#include "wire/checksum.h"
#include "wire/dissect.h"

namespace spiderling::lab {
namespace {

constexpr std::size_t checksum_at = 16;  // in the TCP header

Packet dissect(Bytes ip_packet) {
  Packet packet;
  Dissector::dissect_ip(packet, ip_packet, static_cast<std::uint32_t>(ip_packet.size()), 0);
  return packet;
}

std::size_t words_around(std::size_t at) { return at % 2 == 0 ? 1 : 2; }

// Writes 16 bits anywhere in a segment. At an odd offset they lie in two of the checksum's words.
void rewrite(std::span<std::uint8_t> segment, std::size_t at, std::uint16_t value) {
  const std::size_t first = at & ~std::size_t{1};
  const std::size_t words = words_around(at);
  std::uint16_t before[2] = {};
  for (std::size_t i = 0; i < words; ++i) before[i] = load_be16(segment.data() + first + 2 * i);
  store_be16(segment.data() + at, value);
  std::uint16_t checksum = load_be16(segment.data() + checksum_at);
  for (std::size_t i = 0; i < words; ++i)
    checksum = update_checksum(checksum, before[i], load_be16(segment.data() + first + 2 * i));
  store_be16(segment.data() + checksum_at, checksum);
}

// Where in the segment the option's value is.
std::optional<std::size_t> find_mss(const TcpHeader& tcp, const std::uint8_t* segment) {
  const auto option = tcp.options().find(TcpOptionKind::maximum_segment_size);
  if (!option || option->data.size() != 2) return std::nullopt;
  return static_cast<std::size_t>(option->data.data() - segment);
}

}  // namespace

bool is_syn_with_data(Bytes ip_packet) {
  const Packet packet = dissect(ip_packet);
  const auto tcp = packet.tcp();
  return tcp && tcp->has(tcp_flag::syn) && !tcp->has(tcp_flag::ack) && packet.payload_length() > 0;
}

bool bound_mss(std::span<std::uint8_t> ip_packet, MssBound bound, std::uint16_t mss) {
  const Packet packet = dissect(ip_packet);
  const auto tcp = packet.tcp();
  if (!tcp || !tcp->has(tcp_flag::syn)) return false;
  const std::uint8_t* start = packet.transport().bytes.data();
  const auto segment = ip_packet.subspan(static_cast<std::size_t>(start - ip_packet.data()));
  const auto at = find_mss(*tcp, start);
  if (!at || (*at & ~std::size_t{1}) + 2 * words_around(*at) > segment.size()) return false;
  const std::uint16_t now = load_be16(start + *at);
  if (bound == MssBound::at_least ? now >= mss : now <= mss) return false;
  rewrite(segment, *at, mss);
  return true;
}

}  // namespace spiderling::lab
