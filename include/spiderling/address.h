// Addresses: values, small, trivially copyable.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace spiderling {

enum class IpVersion : std::uint8_t { none = 0, v4 = 4, v6 = 6 };

/// An IPv4 or IPv6 address. An IPv4 address is held in the first four of the sixteen bytes, the rest are
/// zero. Default: no address (version none).
///
///     const auto address = IpAddress::parse("2001:db8::1");
///     if (!address) return "that is none";
///     return address->to_string();
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  IpVersion version = IpVersion::none;

  static IpAddress v4(const std::uint8_t* four_bytes) {
    IpAddress address;
    std::memcpy(address.bytes.data(), four_bytes, 4);
    address.version = IpVersion::v4;
    return address;
  }
  static IpAddress v6(const std::uint8_t* sixteen_bytes) {
    IpAddress address;
    std::memcpy(address.bytes.data(), sixteen_bytes, 16);
    address.version = IpVersion::v6;
    return address;
  }
  /// "192.0.2.1" or "2001:db8::1"; nullopt for anything else.
  static std::optional<IpAddress> parse(std::string_view text);

  /// The shortest usual text: dotted quad, or RFC 5952. Empty if there is no address.
  std::string to_string() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

/// Room for the longest text of an IpAddress ("ffff:...:255.255.255.255"), no terminating zero.
inline constexpr std::size_t max_address_text = 45;

/// Writes the text of an address at `out`, which has room for max_address_text bytes. Returns one past the
/// last.
char* format_address(const IpAddress& address, char* out);

/// An IEEE 802 MAC address.
struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  static MacAddress from(const std::uint8_t* six_bytes) {
    MacAddress address;
    std::memcpy(address.bytes.data(), six_bytes, 6);
    return address;
  }
  /// "00:11:22:aa:bb:cc"
  std::string to_string() const;

  friend auto operator<=>(const MacAddress&, const MacAddress&) = default;
};

}  // namespace spiderling
