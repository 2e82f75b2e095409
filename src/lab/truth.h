// Results of a measurement held against what a scenario says is true.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "lab/plan.h"
#include "lab/scenario.h"

namespace spiderling::lab {

/// How often a condition was rightly found, wrongly found, missed, and rightly not found, over all results
/// that came. What a host says may be there or not counts as none of these.
struct ConditionCount {
  std::uint64_t true_positive = 0;
  std::uint64_t false_positive = 0;
  std::uint64_t false_negative = 0;
  std::uint64_t true_negative = 0;
  std::uint64_t undecided = 0;
};

/// A condition that targets of a host had and should not have had, or the other way round.
struct WrongCondition {
  std::uint64_t unexpected = 0;
  std::uint64_t missed = 0;
  std::string example;  ///< address of the first such target
};

struct HostVerdict {
  std::uint64_t targets = 0;
  std::uint64_t right = 0;      ///< results without a wrong condition
  std::uint64_t missing = 0;    ///< targets without a result
  std::uint64_t duplicate = 0;  ///< results beyond the first of a target
  std::map<std::string, WrongCondition, std::less<>> wrong;

  bool all_right() const { return right == targets && duplicate == 0; }
};

struct Verdict {
  std::string measurement;
  std::uint64_t results = 0;  ///< lines that were results of one of the scenario's targets
  std::uint64_t foreign = 0;  ///< lines that were of none
  std::uint64_t unreadable = 0;
  std::string unreadable_example;  ///< what was wrong with the first
  std::map<std::string, ConditionCount, std::less<>> conditions;
  std::vector<HostVerdict> hosts;  ///< as Scenario::hosts

  bool all_right() const;
  std::uint64_t targets() const;
};

/// Takes results one by one. Memory: a bit a target, and a counter a condition. One thread. Borrows scenario
/// and plan.
class Judge {
 public:
  /// An error if some host does not say what this measurement must find.
  static Result<Judge> of(const Scenario& scenario, const AddressPlan& plan, std::string_view measurement);

  /// A line of results: JSON with "dip" and "conditions", the rest does not matter.
  void take(std::string_view line);
  Verdict verdict() const;

 private:
  struct Found {
    Target target;
    std::string address;
    std::vector<std::string> conditions;
  };
  Judge(const Scenario& scenario, const AddressPlan& plan, std::string_view measurement);
  bool is_first(const Target& target);
  void judge(const Found& found);
  void unreadable(std::string_view why);
  WrongCondition& wrong(const Found& found, const std::string& condition);

  const Scenario* scenario_;
  const AddressPlan* plan_;
  Verdict verdict_;
  std::vector<std::vector<bool>> seen_;  // by host; IPv6 after IPv4
};

}  // namespace spiderling::lab
