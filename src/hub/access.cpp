#include "hub/access.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "websocket/token_file.h"

namespace spiderling {
namespace {

constexpr std::size_t shortest_token = 16;

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
    return lower(x) == lower(y);
  });
}

// "http://localhost:11348" is host "localhost", port 11348; IPv6 addresses keep their brackets.
bool is_own(std::string_view origin, std::string_view local_address,
            std::span<const std::uint16_t> own_ports) {
  std::string port;
  for (const auto& [scheme, usual_port] : {std::pair{"http://", "80"}, std::pair{"https://", "443"}}) {
    if (!same_letters(origin.substr(0, std::strlen(scheme)), scheme)) continue;
    origin.remove_prefix(std::strlen(scheme));
    port = usual_port;
    break;
  }
  if (port.empty()) return false;
  const std::size_t colon = origin.rfind(':');
  if (colon != std::string_view::npos && origin.find(']', colon) == std::string_view::npos) {
    port = origin.substr(colon + 1);
    origin = origin.substr(0, colon);
  }
  const bool own_port = std::any_of(own_ports.begin(), own_ports.end(),
                                    [&](std::uint16_t own) { return port == std::to_string(own); });
  if (origin.starts_with('[') && origin.ends_with(']')) origin = origin.substr(1, origin.size() - 2);
  return own_port && (same_letters(origin, "localhost") || origin == "127.0.0.1" || origin == "::1" ||
                      same_letters(origin, local_address));
}

}  // namespace

bool same_token(std::string_view given, std::string_view wanted) {
  unsigned differs = given.size() == wanted.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char against = wanted.empty() ? '\0' : wanted[i % wanted.size()];
    differs |= static_cast<unsigned>(static_cast<unsigned char>(given[i] ^ against));
  }
  return differs == 0;
}

bool origin_is_allowed(std::string_view origin, std::string_view local_address,
                       std::span<const std::uint16_t> own_ports, std::span<const std::string> listed) {
  if (origin.empty()) return true;  // no browser
  for (const std::string& one : listed) {
    if (one == "*" || same_letters(one, origin)) return true;
  }
  return is_own(origin, local_address, own_ports);
}

Result<std::string> read_hub_token_file(const std::string& path) {
  auto token = read_token_file(path);
  if (!token) return token;
  if (token->size() < shortest_token) {
    return error("the token in {} must have at least {} characters (openssl rand -hex 32 makes one)", path,
                 shortest_token);
  }
  struct stat info {};
  if (stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & S_IROTH) != 0) {
    return error("everybody may read the token file {}: chmod 600 {}", path, path);
  }
  return token;
}

}  // namespace spiderling
