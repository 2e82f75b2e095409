// Conditions: the answers of a measurement about one target.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spiderling {

/// One answer: `ecn.connectivity.works`, or with a value `dscp.48.replymark:0`.
struct Condition {
  std::string name;
  std::string value;  ///< empty: none

  std::string to_string() const { return value.empty() ? name : name + ':' + value; }
  friend bool operator==(const Condition&, const Condition&) = default;
};

/// A condition that a measurement may give, for people and for `spiderling plugins reference`:
///
///     static constexpr std::array condition_meanings{
///         ConditionMeaning{"ttl.reply:N", "the SYN+ACK came with a time to live of N"},
///         ConditionMeaning{"ttl.absent", "there was none"},
///     };
struct ConditionMeaning {
  const char* name;  ///< capital letters stand for a value: "dscp.V.replymark:R"
  const char* meaning;
};

/// How a target answered the baseline and the experiment.
enum class Connectivity : std::uint8_t { works, broken, transient, offline };
/// Both: works. Only the baseline: broken. Only the experiment: transient. Neither: offline.
constexpr Connectivity combine_connectivity(bool baseline, bool experiment) {
  if (baseline) return experiment ? Connectivity::works : Connectivity::broken;
  return experiment ? Connectivity::transient : Connectivity::offline;
}
constexpr const char* name_of(Connectivity connectivity) {
  switch (connectivity) {
    case Connectivity::works: return "works";
    case Connectivity::broken: return "broken";
    case Connectivity::transient: return "transient";
    case Connectivity::offline: break;
  }
  return "offline";
}

/// Collects the conditions of a job.
///
///     Conditions conditions;
///     conditions.connectivity("ecn", true, false);         // ecn.connectivity.broken
///     conditions.add("mss.option.local.value", 1460);      // mss.option.local.value:1460
///     assert(conditions.list().size() == 2);
class Conditions {
 public:
  void add(std::string name) { list_.push_back({std::move(name), {}}); }
  void add(std::string name, std::uint64_t value) {
    list_.push_back({std::move(name), std::to_string(value)});
  }
  void add(std::string name, std::string value) { list_.push_back({std::move(name), std::move(value)}); }
  /// PREFIX.connectivity.{works,broken,transient,offline}
  void connectivity(std::string_view prefix, bool baseline, bool experiment) {
    add(std::string(prefix) + ".connectivity." + name_of(combine_connectivity(baseline, experiment)));
  }
  /// PREFIX.connectivity.{online,offline}
  void connectivity(std::string_view prefix, bool only) {
    add(std::string(prefix) + (only ? ".connectivity.online" : ".connectivity.offline"));
  }
  /// pathspider.not_observed, once: a flow that an answer needs was not seen whole.
  void not_observed() {
    const Condition condition{"pathspider.not_observed", {}};
    if (std::find(list_.begin(), list_.end(), condition) == list_.end()) list_.push_back(condition);
  }

  const std::vector<Condition>& list() const& { return list_; }
  std::vector<Condition> list() && { return std::move(list_); }

 private:
  std::vector<Condition> list_;
};

}  // namespace spiderling
