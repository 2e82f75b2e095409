#include "spiderling/address.h"

#include <arpa/inet.h>

namespace spiderling {
namespace {

// The text of every byte in decimal, so that an IPv4 address is four copies and no division.
struct DecimalByte {
  char text[3];
  std::uint8_t length;
};

constexpr std::array<DecimalByte, 256> make_decimal_bytes() {
  std::array<DecimalByte, 256> table{};
  for (unsigned value = 0; value < 256; ++value) {
    DecimalByte& entry = table[value];
    if (value >= 100) entry.text[entry.length++] = static_cast<char>('0' + value / 100);
    if (value >= 10) entry.text[entry.length++] = static_cast<char>('0' + value / 10 % 10);
    entry.text[entry.length++] = static_cast<char>('0' + value % 10);
  }
  return table;
}

constexpr std::array<DecimalByte, 256> decimal_bytes = make_decimal_bytes();
constexpr char hex_digits[] = "0123456789abcdef";

char* append_decimal(char* out, std::uint8_t value) {
  const DecimalByte& entry = decimal_bytes[value];
  for (std::uint8_t i = 0; i < entry.length; ++i) *out++ = entry.text[i];
  return out;
}

char* append_v4(char* out, const std::uint8_t* bytes) {
  out = append_decimal(out, bytes[0]);
  for (int i = 1; i < 4; ++i) {
    *out++ = '.';
    out = append_decimal(out, bytes[i]);
  }
  return out;
}

// Lower case, no leading zeros (RFC 5952, sections 4.1 and 4.3).
char* append_group(char* out, unsigned group) {
  if (group >= 0x1000) *out++ = hex_digits[group >> 12];
  if (group >= 0x100) *out++ = hex_digits[(group >> 8) & 0xf];
  if (group >= 0x10) *out++ = hex_digits[(group >> 4) & 0xf];
  *out++ = hex_digits[group & 0xf];
  return out;
}

struct Run {
  unsigned start = 8;
  unsigned length = 0;
  unsigned end() const { return start + length; }
};

// The groups that "::" stands for: the longest run of zeros, the first of equals, never a single group
// (RFC 5952, section 4.2).
Run longest_zero_run(const unsigned (&groups)[8]) {
  Run best;
  Run current;
  for (unsigned i = 0; i < 8; ++i) {
    if (groups[i] != 0) {
      current = {};
      continue;
    }
    if (current.length == 0) current.start = i;
    if (++current.length > best.length) best = current;
  }
  return best.length >= 2 ? best : Run{};
}

char* append_v6(char* out, const std::uint8_t* bytes) {
  unsigned groups[8];
  for (unsigned i = 0; i < 8; ++i) groups[i] = unsigned{bytes[2 * i]} << 8 | bytes[2 * i + 1];
  const Run zeros = longest_zero_run(groups);
  // IPv4-compatible and IPv4-mapped addresses keep their dotted quad, as inet_ntop writes them.
  const bool embeds_v4 =
      zeros.start == 0 && (zeros.length == 6 || (zeros.length == 5 && groups[5] == 0xffff));
  const unsigned group_count = embeds_v4 ? 6 : 8;
  for (unsigned i = 0; i < group_count;) {
    if (i == zeros.start) {
      *out++ = ':';
      *out++ = ':';
      i = zeros.end();
      continue;
    }
    if (i != 0 && i != zeros.end()) *out++ = ':';
    out = append_group(out, groups[i]);
    ++i;
  }
  if (!embeds_v4) return out;
  if (zeros.length == 5) *out++ = ':';
  return append_v4(out, bytes + 12);
}

}  // namespace

char* format_address(const IpAddress& address, char* out) {
  switch (address.version) {
    case IpVersion::v4: return append_v4(out, address.bytes.data());
    case IpVersion::v6: return append_v6(out, address.bytes.data());
    case IpVersion::none: break;
  }
  return out;
}

std::string IpAddress::to_string() const {
  char text[max_address_text];
  return std::string(text, format_address(*this, text));
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  // inet_pton wants a terminated string, and would not see what stands behind a zero byte.
  if (text.empty() || text.size() > max_address_text || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  char terminated[max_address_text + 1] = {};
  text.copy(terminated, text.size());
  IpAddress address;
  const bool is_v6 = text.find(':') != std::string_view::npos;
  if (inet_pton(is_v6 ? AF_INET6 : AF_INET, terminated, address.bytes.data()) != 1) return std::nullopt;
  address.version = is_v6 ? IpVersion::v6 : IpVersion::v4;
  return address;
}

std::string MacAddress::to_string() const {
  std::string text;
  text.reserve(17);
  for (const std::uint8_t byte : bytes) {
    if (!text.empty()) text.push_back(':');
    text.push_back(hex_digits[byte >> 4]);
    text.push_back(hex_digits[byte & 0xf]);
  }
  return text;
}

}  // namespace spiderling
