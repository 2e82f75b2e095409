// The lab's servers: nginx, Knot DNS and Apache, of Debian.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "lab/scenario.h"

namespace spiderling::lab {

/// Where the servers listen, on every address.
namespace port {
inline constexpr std::uint16_t http = 80;                ///< HTTP/1.1
inline constexpr std::uint16_t https = 443;              ///< TLS, HTTP/2 and HTTP/1.1 by ALPN
inline constexpr std::uint16_t dns = 53;                 ///< UDP and TCP
inline constexpr std::uint16_t h2c = 8080;               ///< HTTP/2 without TLS, by prior knowledge
inline constexpr std::uint16_t https_without_h2 = 4443;  ///< where box h2-refused leads
inline constexpr std::uint16_t h2c_without_h2 = 4080;
inline constexpr std::uint16_t h2c_by_upgrade = 8081;  ///< HTTP/1.1 without TLS, and HTTP/2 after an upgrade
inline constexpr std::uint16_t h2c_by_upgrade_without_h2 = 4081;
}  // namespace port

/// The addresses of every name in the zone of knot.
inline constexpr const char* every_name_v4 = "192.0.2.1";
inline constexpr const char* every_name_v6 = "2001:db8::1";

/// nginx.conf for servers whose files are all in `folder`.
std::string nginx_configuration(const std::string& folder);
/// apache2.conf: the only server of Debian that takes up `Upgrade: h2c` by itself.
std::string apache_configuration(const std::string& folder);
/// Whether a host of the scenario has its port: it is started only then.
bool needs_apache(const Scenario& scenario);
/// knot.conf, and a zone that has an address for every name.
std::string knot_configuration(const std::string& folder);
std::string zone_of_every_name();

/// The programs that a lab is made of: an error names the first that is missing and its Debian package.
Result<void> find_lab_programs();

}  // namespace spiderling::lab
