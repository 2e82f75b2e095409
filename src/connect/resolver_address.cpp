#include "connect/resolver_address.h"

#include <algorithm>
#include <charconv>

namespace spiderling {

namespace {

// ":53"
bool read_port(std::string_view text, std::uint16_t& port) {
  const char* const end = text.data() + text.size();
  const auto [stopped, code] = std::from_chars(text.data() + 1, end, port);
  return text.starts_with(':') && code == std::errc() && stopped == end && port != 0;
}

}  // namespace

Result<ResolverAddress> ResolverAddress::parse(std::string_view text) {
  ResolverAddress made;
  std::string_view address = text, port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    address = text.substr(1, end == std::string_view::npos ? end : end - 1);
    port = end == std::string_view::npos ? ":" : text.substr(end + 1);
  } else if (std::ranges::count(text, ':') == 1) {
    address = text.substr(0, text.find(':'));
    port = text.substr(text.find(':'));
  }
  const auto parsed = IpAddress::parse(address);
  if (!parsed || (!port.empty() && !read_port(port, made.port)))
    return error("'{}' is no address of a resolver: write 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353",
                 text);
  made.address = *parsed;
  return made;
}

}  // namespace spiderling
