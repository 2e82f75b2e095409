// A scenario: which targets there are, behind which boxes, and what a right measurement must find.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "lab/box.h"

namespace spiderling::lab {

/// Targets of one kind: neighbouring addresses behind one box.
struct Host {
  std::string name;
  const Box* box = nullptr;  ///< of the catalogue, lives for ever
  Parameters parameters;
  bool ipv4 = true;
  bool ipv6 = true;
  std::uint32_t count = 1;  ///< targets of each family
  std::uint16_t port = 80;
  /// By measurement ("ecn"): the conditions of each of its results. One that ends in * stands for whatever
  /// begins so.
  std::map<std::string, std::vector<std::string>, std::less<>> truth;
  std::vector<std::string> may;  ///< conditions that may be there or not; * as above
};

struct Scenario {
  std::string name;
  std::string description;
  std::string measurement = "ecn";   ///< what `lab check` runs
  std::string connect;               ///< its --connect; empty: as the measurement has it
  std::vector<std::string> options;  ///< more words for it
  bool in_all = false;               ///< one of those that `lab check all` goes through
  double loss_percent = 0;           ///< of all packets, whatever their box, both ways
  std::vector<Host> hosts;

  std::uint64_t targets() const;
  /// So many times as many targets of each host. An error if one has too many then.
  Result<void> multiply(std::uint32_t times);
};

/// Bounds, so that a slip of the pen is an error and not a machine without memory.
inline constexpr std::size_t max_hosts = 200;
inline constexpr std::uint32_t max_count = 4'000'000;

/// `origin` is the file's name for errors, which are "FILE:LINE: what is wrong".
///
///     name = "mine"
///     description = "one clean host and one that drops"
///     connect = "http"
///     in_all = false           # whether `lab check all` checks it too
///     loss_percent = 0         # of all packets
///
///     [usual]                  # what hosts must find that do not say so themselves
///     ecn = ["ecn.connectivity.works"]
///
///     [[host]]
///     name = "dropper"         # the box's name if not given
///     box = "ecn-syn-dropped"
///     family = "both"          # v4, v6 or both
///     count = 20
///     port = 80
///     ecn = ["ecn.connectivity.broken"]
///     may = ["ecn.fallback.seen"]
Result<Scenario> parse_scenario(std::string_view toml, std::string_view origin);

/// One that ships with the program.
struct ShippedScenario {
  std::string_view name;
  std::string_view toml;
};
std::vector<ShippedScenario> shipped_scenarios();

/// A name of a shipped one, or the path of a file (with / or ending in .toml).
Result<Scenario> load_scenario(const std::string& name_or_path);

/// Letters, digits, - and _, at most 40.
bool is_plain_name(std::string_view name);

}  // namespace spiderling::lab
