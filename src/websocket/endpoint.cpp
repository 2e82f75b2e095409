#include "websocket/endpoint.h"

#include <charconv>
#include <optional>

namespace spiderling {

namespace {

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (problem != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

// What may stand in a name or an address; keeps line ends out of the request that is made of it.
bool is_host(std::string_view text) {
  constexpr std::size_t longest_name = 253;
  return !text.empty() && text.size() <= longest_name &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:%") ==
             std::string_view::npos;
}

}  // namespace

std::string Endpoint::authority() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

std::string Endpoint::uri() const { return (tls ? "wss://" : "ws://") + authority(); }

Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port) {
  constexpr std::string_view wanted = "HOST:PORT, ws://HOST:PORT or wss://HOST:PORT";
  const std::string_view whole = text;
  Endpoint endpoint;
  endpoint.port = default_port;
  if (take_prefix(text, "wss://")) {
    endpoint.tls = true;
  } else {
    take_prefix(text, "ws://");
  }
  if (text.ends_with('/')) text.remove_suffix(1);
  std::string_view port;
  if (take_prefix(text, "[")) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return error("'{}' has a [ without a ]: write {}", whole, wanted);
    endpoint.host = text.substr(0, end);
    port = text.substr(end + 1);
    if (!port.empty() && !take_prefix(port, ":"))
      return error("'{}' is no address of a hub: write {}", whole, wanted);
  } else if (const auto colon = text.find(':'); colon == std::string_view::npos) {
    endpoint.host = text;
  } else if (text.find(':', colon + 1) != std::string_view::npos) {
    endpoint.host = text;  // an IPv6 address without a port
  } else {
    endpoint.host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty()) return error("'{}' lacks the port behind the colon: write {}", whole, wanted);
  }
  if (!is_host(endpoint.host)) return error("'{}' is no address of a hub: write {}", whole, wanted);
  if (!port.empty()) {
    const auto number = parse_port(port);
    if (!number) return error("'{}' is no port (1 to 65535), in '{}'", port, whole);
    endpoint.port = *number;
  }
  return endpoint;
}

}  // namespace spiderling
