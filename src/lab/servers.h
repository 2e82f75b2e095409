// The lab's servers: nginx and Knot DNS, of Debian.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace spiderling::lab {

/// Where the servers listen, on every address.
namespace port {
inline constexpr std::uint16_t http = 80;                ///< HTTP/1.1
inline constexpr std::uint16_t https = 443;              ///< TLS, HTTP/2 and HTTP/1.1 by ALPN
inline constexpr std::uint16_t dns = 53;                 ///< UDP and TCP
inline constexpr std::uint16_t h2c = 8080;               ///< HTTP/2 without TLS, by prior knowledge
inline constexpr std::uint16_t https_without_h2 = 4443;  ///< where box h2-refused leads
inline constexpr std::uint16_t h2c_without_h2 = 4080;
}  // namespace port

/// nginx.conf for servers whose files are all in `folder`.
std::string nginx_configuration(const std::string& folder);
/// knot.conf, and a zone that has an address for every name.
std::string knot_configuration(const std::string& folder);
std::string zone_of_every_name();

/// The programs that a lab is made of: an error names the first that is missing and its Debian package.
Result<void> find_lab_programs();

}  // namespace spiderling::lab
