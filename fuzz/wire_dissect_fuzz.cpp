// Packets of every link type: all that a packet offers is read, and what must hold of any packet is checked.
// Input: a byte that chooses the link type, a byte of how much longer the packet was on the wire (times 16),
// the packet. tests/oracle/wire_seeds.cpp writes the seeds.
#include <iterator>

#include "wire/testing_touch.h"

namespace {

using namespace spiderling;

constexpr LinkType link_types[] = {
    LinkType::ethernet, LinkType::raw_ip,      LinkType::linux_cooked, LinkType::linux_cooked_v2,
    LinkType::null,     LinkType::loop,        LinkType::ppp,          LinkType::ppp_hdlc,
    LinkType::raw_bsd,  LinkType::raw_openbsd, LinkType::ipv4,         LinkType::ipv6};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Bytes bytes(data + 2, size - 2);
  const auto wire_length = static_cast<std::uint32_t>(bytes.size() + data[1] * 16u);
  Packet packet;
  Dissector::dissect(packet, bytes, wire_length, 0, link_types[data[0] % std::size(link_types)]);
  const unsigned first = testing::touch(packet);
  const OwnedPacket owned = packet.own();
  testing::touch_detail::require(testing::touch(*owned) == first, "a copy is like the original");
  return 0;
}
