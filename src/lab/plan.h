// Which address stands for which target, and the addresses of the lab's own links.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "lab/scenario.h"
#include "spiderling/address.h"

namespace spiderling::lab {

/// Names and addresses that are the same in every lab:
///
///     prober: lab0 ── prober0 :router: servers0 ── router0 :servers (AnyIP: whole prefixes on lo)
namespace link {
inline constexpr const char* prober = "lab0";               ///< in the prober's namespace
inline constexpr const char* router_to_prober = "prober0";  ///< in the router's
inline constexpr const char* router_to_servers = "servers0";
inline constexpr const char* servers = "router0";  ///< in the servers'
inline constexpr const char* tun = "boxes0";       ///< in the router's, see forwarder.h
}  // namespace link

struct Prefix {
  IpAddress base;
  unsigned length = 0;  ///< bits

  bool contains(const IpAddress& address) const;
  std::string to_string() const;  ///< "10.1.0.0/16"
};

/// A target by number.
struct Target {
  std::size_t host = 0;  ///< index in Scenario::hosts
  IpVersion version = IpVersion::none;
  std::uint32_t index = 0;  ///< below Host::count

  friend bool operator==(const Target&, const Target&) = default;
};

/// Gives each host of a scenario its prefixes: of 10.0.0.0/8 (a /16 or more), and a /64 of
/// fd53:7069:6465::/48. A host's targets are the addresses from the prefix's second on. A value; const
/// functions may be called from any thread.
class AddressPlan {
 public:
  /// An error if there is no room for so many IPv4 targets.
  static Result<AddressPlan> of(const Scenario& scenario);

  /// nullptr if the host has no targets of this family.
  const Prefix* prefix(std::size_t host, IpVersion version) const;
  IpAddress address(const Target& target) const;
  /// The target that an address is; nullopt if it is none.
  std::optional<Target> find(const IpAddress& address) const;

 private:
  struct Place {
    std::optional<Prefix> v4, v6;
    std::uint32_t count = 0;
  };
  std::vector<Place> places_;
};

}  // namespace spiderling::lab
