// The jobs of a scenario, as `spiderling measure` reads them.
#pragma once

#include <optional>
#include <queue>
#include <string>

#include "lab/plan.h"
#include "lab/scenario.h"

namespace spiderling::lab {

/// One NDJSON line a target: {"dip":"10.1.0.1","dp":80,"domain":"clean.lab.test","lab_host":"clean"}. The
/// targets of all hosts are mixed evenly, always in the same order. Borrows scenario and plan. One thread.
class JobList {
 public:
  JobList(const Scenario& scenario, const AddressPlan& plan);
  /// Appends the next line; false if there is none left.
  bool append_next(std::string& out);

 private:
  struct Stream {
    double position = 0;  // of the next target, from 0 to 1: the smallest goes first
    Target next;
    friend bool operator>(const Stream& a, const Stream& b) {
      return a.position != b.position ? a.position > b.position : a.next.host > b.next.host;
    }
  };
  void add(std::size_t host, IpVersion version);
  double position_of(const Target& target) const;

  const Scenario& scenario_;
  const AddressPlan& plan_;
  std::priority_queue<Stream, std::vector<Stream>, std::greater<>> streams_;
};

}  // namespace spiderling::lab
