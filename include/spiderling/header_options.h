// Options of TCP, IPv4 and IPv6 headers, for the builders.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "spiderling/address.h"
#include "spiderling/bytes.h"
#include "spiderling/headers/tcp.h"

namespace spiderling {

/// The bytes of one option, or of several; at most 40, the most that a TCP or an IPv4 header has room for. A
/// value.
class OptionBytes {
 public:
  static constexpr std::size_t max_size = 40;

  OptionBytes() = default;
  /// Exactly these; what is beyond max_size is cut.
  explicit OptionBytes(Bytes bytes);
  OptionBytes(std::initializer_list<std::uint8_t> bytes);

  OptionBytes& append(Bytes bytes);
  OptionBytes& append8(std::uint8_t value) { return append(Bytes(&value, 1)); }
  OptionBytes& append16(std::uint16_t value);
  OptionBytes& append32(std::uint32_t value);

  Bytes bytes() const { return Bytes(bytes_).first(size_); }
  /// Something did not fit.
  bool cut() const { return cut_; }

 private:
  std::array<std::uint8_t, max_size> bytes_{};
  std::uint8_t size_ = 0;
  bool cut_ = false;
};

/// The options of RFC 9293, section 3.2, and of the RFCs named below.
///
///     packet.tcp({.source_port = 40000, .destination_port = 80, .flags = tcp_flag::syn},
///                {tcp_option::mss(1460), tcp_option::sack_permitted(), tcp_option::fast_open()});
namespace tcp_option {
OptionBytes end_of_list();
OptionBytes nop();
OptionBytes mss(std::uint16_t bytes);
/// RFC 7323.
OptionBytes window_scale(std::uint8_t shift);
OptionBytes timestamps(std::uint32_t value, std::uint32_t echo_reply);
/// RFC 2018.
OptionBytes sack_permitted();
struct SackBlock {
  std::uint32_t left = 0;
  std::uint32_t right = 0;
};
/// At most four blocks fit.
OptionBytes sack(std::initializer_list<SackBlock> blocks);
/// RFC 7413: without a cookie it asks for one.
OptionBytes fast_open(Bytes cookie = {});
/// Any kind, with the right length.
OptionBytes any(std::uint8_t kind, Bytes data);
/// Any kind with any length byte, right or not.
OptionBytes any(std::uint8_t kind, std::uint8_t length, Bytes data);
}  // namespace tcp_option

/// RFC 791, section 3.1.
namespace ip4_option {
OptionBytes end_of_list();
OptionBytes nop();
/// Room for so many addresses, none recorded yet.
OptionBytes record_route(std::uint8_t addresses);
/// Strict: the way may not have other hops between. RFC 7126 has routers drop both.
OptionBytes source_route(std::initializer_list<IpAddress> hops, bool strict = false);
/// Timestamps without addresses, room for so many.
OptionBytes timestamp(std::uint8_t entries);
/// RFC 2113.
OptionBytes router_alert(std::uint16_t value = 0);
/// `type` is copied flag, class and number; with the right length.
OptionBytes any(std::uint8_t type, Bytes data);
}  // namespace ip4_option

/// Options of hop-by-hop and destination options headers (RFC 8200, section 4.2).
namespace ip6_option {
OptionBytes pad1();
/// `size` bytes in all, at least 2.
OptionBytes padn(std::uint8_t size);
/// RFC 2711.
OptionBytes router_alert(std::uint16_t value = 0);
/// RFC 2675.
OptionBytes jumbo_payload(std::uint32_t length);
OptionBytes any(std::uint8_t type, Bytes data);
}  // namespace ip6_option

}  // namespace spiderling
