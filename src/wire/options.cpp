#include "spiderling/header_options.h"

#include <algorithm>

namespace spiderling {
namespace {

OptionBytes type_length_data(std::uint8_t type, std::size_t length, Bytes data) {
  return OptionBytes{type, static_cast<std::uint8_t>(length)}.append(data);
}

std::uint8_t number(TcpOptionKind kind) { return static_cast<std::uint8_t>(kind); }

}  // namespace

OptionBytes::OptionBytes(Bytes bytes) { append(bytes); }

OptionBytes::OptionBytes(std::initializer_list<std::uint8_t> bytes) {
  append(Bytes(bytes.begin(), bytes.size()));
}

OptionBytes& OptionBytes::append(Bytes bytes) {
  const std::size_t taken = std::min(bytes.size(), max_size - size_);
  std::copy_n(bytes.begin(), taken, bytes_.begin() + size_);
  size_ = static_cast<std::uint8_t>(size_ + taken);
  cut_ = cut_ || taken < bytes.size();
  return *this;
}

OptionBytes& OptionBytes::append16(std::uint16_t value) {
  std::uint8_t bytes[2];
  store_be16(bytes, value);
  return append(bytes);
}

OptionBytes& OptionBytes::append32(std::uint32_t value) {
  std::uint8_t bytes[4];
  store_be32(bytes, value);
  return append(bytes);
}

namespace tcp_option {

OptionBytes end_of_list() { return {number(TcpOptionKind::end_of_list)}; }
OptionBytes nop() { return {number(TcpOptionKind::no_operation)}; }
OptionBytes mss(std::uint16_t bytes) {
  return OptionBytes{number(TcpOptionKind::maximum_segment_size), 4}.append16(bytes);
}
OptionBytes window_scale(std::uint8_t shift) { return {number(TcpOptionKind::window_scale), 3, shift}; }
OptionBytes timestamps(std::uint32_t value, std::uint32_t echo_reply) {
  return OptionBytes{number(TcpOptionKind::timestamps), 10}.append32(value).append32(echo_reply);
}
OptionBytes sack_permitted() { return {number(TcpOptionKind::sack_permitted), 2}; }
OptionBytes sack(std::initializer_list<SackBlock> blocks) {
  OptionBytes option{number(TcpOptionKind::sack), static_cast<std::uint8_t>(2 + 8 * blocks.size())};
  for (const SackBlock& block : blocks) option.append32(block.left).append32(block.right);
  return option;
}
OptionBytes fast_open(Bytes cookie) { return any(number(TcpOptionKind::fast_open), cookie); }
OptionBytes any(std::uint8_t kind, Bytes data) { return type_length_data(kind, data.size() + 2, data); }
OptionBytes any(std::uint8_t kind, std::uint8_t length, Bytes data) {
  return type_length_data(kind, length, data);
}

}  // namespace tcp_option

namespace ip4_option {

OptionBytes end_of_list() { return {0}; }
OptionBytes nop() { return {1}; }
OptionBytes record_route(std::uint8_t addresses) {
  OptionBytes option{7, static_cast<std::uint8_t>(3 + 4 * addresses), 4};
  for (std::uint8_t i = 0; i < addresses; ++i) option.append32(0);
  return option;
}
OptionBytes source_route(std::initializer_list<IpAddress> hops, bool strict) {
  const auto type = static_cast<std::uint8_t>(strict ? 137 : 131);
  OptionBytes option{type, static_cast<std::uint8_t>(3 + 4 * hops.size()), 4};
  for (const IpAddress& hop : hops) option.append(Bytes(hop.bytes).first(4));
  return option;
}
OptionBytes timestamp(std::uint8_t entries) {
  OptionBytes option{68, static_cast<std::uint8_t>(4 + 4 * entries), 5, 0};
  for (std::uint8_t i = 0; i < entries; ++i) option.append32(0);
  return option;
}
OptionBytes router_alert(std::uint16_t value) { return OptionBytes{148, 4}.append16(value); }
OptionBytes any(std::uint8_t type, Bytes data) { return type_length_data(type, data.size() + 2, data); }

}  // namespace ip4_option

namespace ip6_option {

OptionBytes pad1() { return {0}; }
OptionBytes padn(std::uint8_t size) {
  OptionBytes option{1, static_cast<std::uint8_t>(size - 2)};
  for (std::uint8_t i = 2; i < size; ++i) option.append8(0);
  return option;
}
OptionBytes router_alert(std::uint16_t value) { return OptionBytes{5, 2}.append16(value); }
OptionBytes jumbo_payload(std::uint32_t length) { return OptionBytes{0xc2, 4}.append32(length); }
OptionBytes any(std::uint8_t type, Bytes data) { return type_length_data(type, data.size(), data); }

}  // namespace ip6_option

}  // namespace spiderling
