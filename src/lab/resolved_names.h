// A host of a scenario as a resolver: what came of the names that it was asked for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lab/plan.h"
#include "lab/scenario.h"

namespace spiderling::lab {

/// For measurements that turn names into addresses and conclude nothing: the resolver stands behind the
/// host's box, and for each of the host's targets there is a name. What came of a name is put as a result of
/// the target, for the Judge: `dnsresolv.resolved` if each of its addresses came once, with all that the job
/// carried; `dnsresolv.unresolved` if none came; else `dnsresolv.wrong`. Borrows scenario and plan. One
/// thread.
class ResolvedNames {
 public:
  ResolvedNames(const Scenario& scenario, const AddressPlan& plan, std::size_t host, IpVersion version);

  /// "10.1.0.1:53", "[fd53::1]:53"
  std::string resolver() const;
  /// Appends the next name's job; false if there is none left.
  bool append_next(std::string& out);
  /// A line that came out.
  void take(std::string_view line);
  /// A result for each target.
  std::vector<std::string> results() const;

 private:
  struct Came {
    unsigned v4 = 0, v6 = 0;
    bool wrong = false;
  };
  std::string name_of(std::uint32_t index) const;
  std::string_view state_of(const Came& came) const;

  const Scenario& scenario_;
  const AddressPlan& plan_;
  const std::size_t host_;
  const IpVersion version_;
  std::uint32_t next_ = 0;
  std::vector<Came> came_;  // by target
  bool strange_ = false;    // a line that belongs to no name
};

}  // namespace spiderling::lab
