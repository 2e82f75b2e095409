// Any bytes as a pcapng file: no crash, no endless loop, and the same frames however the bytes are split.
#include "capture_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace spiderling;
  static FilterBank everything({}, [](std::string) {});
  static FilterBank filtered("udp or vlan", [](std::string) {});
  const std::span bytes(data, size);
  if (!PcapngParser::recognize(bytes)) return 0;
  PcapngParser::first_link_type(bytes);
  fuzz::check_trace(bytes, PcapngParser(everything), 0);
  fuzz::check_trace(bytes, PcapngParser(filtered), 0);
  return 0;
}
