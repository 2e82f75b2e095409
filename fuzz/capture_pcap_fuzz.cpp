// Any bytes as a pcap file: no crash, no endless loop, and the same frames however the bytes are split.
#include "capture/link_types.h"
#include "capture_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace spiderling;
  static FilterBank filters("udp or vlan", [](std::string) {});
  const std::span bytes(data, size);
  const auto header = PcapHeader::read(bytes);
  if (!header) return 0;
  const auto link_type = known_link_type(header->link_type);
  if (!link_type) return 0;
  fuzz::check_trace(bytes, PcapParser(*header, *link_type, nullptr), PcapHeader::size);
  const auto* filter = filters.program(*link_type, header->swapped);
  fuzz::check_trace(bytes, PcapParser(*header, *link_type, filter), PcapHeader::size);
  return 0;
}
