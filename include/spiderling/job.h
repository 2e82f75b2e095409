// Jobs: what a measurement is asked about, one target each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "spiderling/address.h"
#include "spiderling/dumpling.h"

namespace spiderling {

/// One target, as a line of the job list gave it. A value.
///
///     {"dip": "192.0.2.80", "dp": 80, "domain": "www.example.org", "rank": 7}
///
/// With this one,
///
///     assert(job.dip.to_string() == "192.0.2.80");
///     assert(job.dp == 80);
///     assert(job.member("rank") == 7);
struct Job {
  IpAddress dip;                    ///< version none: the line named no address
  std::optional<std::uint16_t> dp;  ///< none: the measurement's own default
  std::string domain;               ///< empty: none
  /// Every member of the line, as it came, without the braces and without those that a result says anew
  /// (`conditions`, `path`, ...): they stay in the result. Valid JSON when put between braces.
  std::string members;
  std::uint64_t line = 0;  ///< of the job list, from 1

  /// A member by name, parsed on demand; null if there is none.
  Payload member(std::string_view name) const;
  /// The same job at another address: `dip` in its members too, whatever stood there.
  Job at(const IpAddress& address) const;
};

}  // namespace spiderling
