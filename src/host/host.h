// What of the machine measurements may change, behind one interface: settings, one nft table of ours, rules
// and routes. The real one is system_host.h; fake_host.h lets the logic be tested without root.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "host/sysctl.h"

namespace spiderling {

enum class Family : std::uint8_t { v4, v6 };
constexpr std::string_view name_of(Family family) { return family == Family::v4 ? "IPv4" : "IPv6"; }

/// What rules and routes of ours carry as their protocol (rtm_protocol, FRA_PROTOCOL), so that they are told
/// from everyone else's. `ip rule` and `ip route` show it as `proto 83`.
constexpr std::uint8_t our_protocol = 83;
/// Our routing tables have numbers from here on.
constexpr std::uint32_t first_table = 0x53500000;
constexpr std::uint32_t table_count = 0x10000;
constexpr std::uint32_t main_table = 254;
/// Our nft tables are `inet spiderling_...`.
constexpr std::string_view nft_table_prefix = "spiderling_";
/// The bits of a packet's mark that measurements use. The others stay 0.
constexpr std::uint32_t mark_mask = 0x7f000000;

/// One line of `ip rule`, as far as we need it. A rule without a mark has `mask` 0.
struct PolicyRule {
  Family family = Family::v4;
  std::uint32_t preference = 0;
  std::uint32_t mark = 0;
  std::uint32_t mask = 0;
  std::uint32_t table = 0;
  std::uint8_t protocol = 0;
  bool inverted = false;   ///< `not ...`
  bool selective = false;  ///< asks for more than the mark: an address, an interface, ...
  bool operator==(const PolicyRule&) const = default;
};

/// One line of `ip route`. The parts by name are for comparing and for people; `message` is the kernel's own
/// description with everything else (see route_message.h), so that a copy loses nothing.
struct Route {
  Family family = Family::v4;
  std::uint32_t table = 0;
  std::uint8_t protocol = 0;
  std::string destination;  ///< `10.0.0.0/8`, `default`
  std::string via;     ///< what tells it from another to the same destination: gateways, interfaces, metric
  bool ecn = false;    ///< `features ecn`
  bool usable = true;  ///< its interface is up
  std::vector<std::byte> message;
  bool operator==(const Route&) const = default;
};

/// A machine's network configuration, in the network namespace of the calling thread. Every change is done
/// when the function returns. Removing what is not there succeeds. Not thread-safe.
class Host {
 public:
  virtual ~Host() = default;

  virtual Sysctls& sysctls() = 0;

  /// Everything that nft knows, as it prints it, but for the elements of sets, of which there may be
  /// millions.
  virtual Result<std::string> nft_ruleset() = 0;
  /// The text of `table inet NAME`; nothing if there is none.
  virtual Result<std::optional<std::string>> nft_table(const std::string& name) = 0;
  /// Makes `table inet NAME { BODY }`, all or nothing; an error if there is one of that name.
  virtual Result<void> add_nft_table(const std::string& name, const std::string& body) = 0;
  virtual Result<void> remove_nft_table(const std::string& name) = 0;

  /// False for a kernel without IPv6.
  virtual bool has_family(Family family) = 0;
  /// In the order in which the kernel asks them.
  virtual Result<std::vector<PolicyRule>> rules(Family family) = 0;
  virtual Result<void> add_rule(const PolicyRule& rule) = 0;
  /// The rule that is equal in everything.
  virtual Result<void> remove_rule(const PolicyRule& rule) = 0;

  /// At most `most_routes`; an error if there are more.
  virtual Result<std::vector<Route>> routes(Family family, std::uint32_t table) = 0;
  /// True if the table of that number has a route of any family.
  virtual Result<bool> table_is_used(std::uint32_t table) = 0;
  /// The same route in another table, of our protocol, with `features ecn`. False: its gateway cannot be
  /// reached any more (its link has lost the address), so that the route itself leads nowhere.
  virtual Result<bool> add_ecn_copy(const Route& route, std::uint32_t table) = 0;
  /// The default route of a table, of our protocol, into a device of this name.
  virtual Result<void> add_device_route(Family family, const std::string& device, std::uint32_t table) = 0;
  virtual Result<void> remove_route(const Route& route) = 0;
  /// Whether a connection to `address` by a socket with this mark would ask for ECN because of its route.
  virtual Result<bool> route_has_ecn(const std::string& address, std::uint32_t mark) = 0;
};

/// A host with a full table of the Internet has a million; copying those is not what marks are for.
constexpr std::size_t most_routes = 20000;

}  // namespace spiderling
