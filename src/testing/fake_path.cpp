#include "testing/fake_path.h"

#include <algorithm>

#include "wire/checksum.h"
#include "wire/dissect.h"

namespace spiderling::testing {
namespace {

constexpr std::uint8_t no_operation = 1;

void strip_options(PacketBytes& bytes, const std::vector<TcpOptionKind>& kinds) {
  const Packet packet = layers_of(bytes);
  const auto tcp = packet.tcp();
  if (!tcp) return;
  for (const TcpOption& option : tcp->options()) {
    if (std::ranges::none_of(kinds, [&](TcpOptionKind kind) { return option.is(kind); })) continue;
    const auto first = bytes.begin() + (option.data.data() - bytes.data()) - 2;
    std::fill(first, first + option.length, no_operation);
  }
}

void mend_checksums(PacketBytes& bytes) {
  const Packet packet = layers_of(bytes);
  if (const auto ip = packet.ip4()) {
    store_be16(bytes.data() + 10, 0);
    store_be16(bytes.data() + 10, internet_checksum(ip->bytes()));
  }
  const auto segment = packet.transport().bytes;
  const bool tcp = packet.tcp().has_value(), udp = packet.udp().has_value();
  if ((!tcp && !udp) || (udp && packet.udp()->checksum() == 0)) return;
  std::uint8_t* field = bytes.data() + (segment.data() - bytes.data()) + (tcp ? 16 : 6);
  store_be16(field, 0);
  store_be16(field, transport_checksum(packet.source(), packet.destination(), packet.protocol(), segment));
}

}  // namespace

Packet layers_of(const PacketBytes& packet) {
  Packet layers;
  Dissector::dissect_ip(layers, packet, static_cast<std::uint32_t>(packet.size()), 0);
  return layers;
}

std::optional<PacketBytes> carry(const FakeTarget& target, PacketBytes packet) {
  if (target.drops && target.drops(layers_of(packet))) return std::nullopt;
  if (target.strips.empty() && !target.changes) return packet;
  strip_options(packet, target.strips);
  if (target.changes) target.changes(packet);
  mend_checksums(packet);
  return packet;
}

}  // namespace spiderling::testing
