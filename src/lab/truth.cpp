#include "lab/truth.h"

#include <simdjson.h>

#include <algorithm>

namespace spiderling::lab {
namespace {

// `pattern` may end in *.
bool matches(std::string_view condition, std::string_view pattern) {
  if (!pattern.ends_with('*')) return condition == pattern;
  return condition.starts_with(pattern.substr(0, pattern.size() - 1));
}

bool matches_any(std::string_view condition, const std::vector<std::string>& patterns) {
  return std::ranges::any_of(patterns, [&](const auto& pattern) { return matches(condition, pattern); });
}

bool any_matches(const std::vector<std::string>& conditions, std::string_view pattern) {
  return std::ranges::any_of(conditions, [&](const auto& condition) { return matches(condition, pattern); });
}

// Conditions as texts; nullopt if the member is not there or is something else.
std::optional<std::vector<std::string>> read_conditions(const simdjson::dom::object& object) {
  simdjson::dom::array array;
  if (object["conditions"].get_array().get(array) != simdjson::SUCCESS) return std::nullopt;
  std::vector<std::string> conditions;
  for (const simdjson::dom::element element : array) {
    std::string_view text;
    if (element.get_string().get(text) != simdjson::SUCCESS) return std::nullopt;
    conditions.emplace_back(text);
  }
  return conditions;
}

}  // namespace

bool Verdict::all_right() const {
  return foreign == 0 && unreadable == 0 && std::ranges::all_of(hosts, &HostVerdict::all_right);
}

std::uint64_t Verdict::targets() const {
  std::uint64_t sum = 0;
  for (const HostVerdict& host : hosts) sum += host.targets;
  return sum;
}

Result<Judge> Judge::of(const Scenario& scenario, const AddressPlan& plan, std::string_view measurement) {
  for (const Host& host : scenario.hosts)
    if (!host.truth.contains(measurement))
      return error("host '{}' of scenario '{}' does not say what '{}' must find: {} = [...]", host.name,
                   scenario.name, measurement, measurement);
  return Judge(scenario, plan, measurement);
}

Judge::Judge(const Scenario& scenario, const AddressPlan& plan, std::string_view measurement)
    : scenario_(&scenario), plan_(&plan) {
  verdict_.measurement = measurement;
  for (const Host& host : scenario.hosts) {
    HostVerdict of_host;
    of_host.targets = std::uint64_t{host.count} * (host.ipv4 + host.ipv6);
    verdict_.hosts.push_back(std::move(of_host));
    seen_.emplace_back(std::size_t{host.count} * 2);
  }
}

void Judge::unreadable(std::string_view why) {
  if (verdict_.unreadable++ == 0) verdict_.unreadable_example = why;
}

void Judge::take(std::string_view line) {
  thread_local simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (const auto fault = parser.parse(line.data(), line.size()).get_object().get(object))
    return unreadable(simdjson::error_message(fault));
  std::string_view dip;
  if (object["dip"].get_string().get(dip) != simdjson::SUCCESS) return unreadable("it has no text \"dip\"");
  auto conditions = read_conditions(object);
  if (!conditions) return unreadable("it has no list of texts \"conditions\"");
  const auto address = IpAddress::parse(dip);
  const auto target = address ? plan_->find(*address) : std::nullopt;
  if (!target) {
    ++verdict_.foreign;
    return;
  }
  ++verdict_.results;
  if (!is_first(*target)) {
    ++verdict_.hosts[target->host].duplicate;
    return;
  }
  judge({*target, std::string(dip), std::move(*conditions)});
}

bool Judge::is_first(const Target& target) {
  const std::size_t offset = target.version == IpVersion::v6 ? scenario_->hosts[target.host].count : 0;
  auto seen = seen_[target.host][offset + target.index];
  if (seen) return false;
  seen = true;
  return true;
}

WrongCondition& Judge::wrong(const Found& found, const std::string& condition) {
  WrongCondition& wrong = verdict_.hosts[found.target.host].wrong[condition];
  if (wrong.example.empty()) wrong.example = found.address;
  return wrong;
}

void Judge::judge(const Found& found) {
  const Host& host = scenario_->hosts[found.target.host];
  const auto& truth = host.truth.find(verdict_.measurement)->second;
  bool right = true;
  for (const std::string& expected : truth) {
    ConditionCount& count = verdict_.conditions[expected];
    if (any_matches(found.conditions, expected)) {
      ++count.true_positive;
      continue;
    }
    ++count.false_negative;
    ++wrong(found, expected).missed;
    right = false;
  }
  for (const std::string& perhaps : host.may) ++verdict_.conditions[perhaps].undecided;
  for (auto i = found.conditions.begin(); i != found.conditions.end(); ++i) {
    const bool again = std::find(found.conditions.begin(), i, *i) != i;
    if (!again && (matches_any(*i, truth) || matches_any(*i, host.may))) continue;
    ++verdict_.conditions[*i].false_positive;
    ++wrong(found, *i).unexpected;
    right = false;
  }
  verdict_.hosts[found.target.host].right += right;
}

Verdict Judge::verdict() const {
  Verdict verdict = verdict_;
  std::uint64_t judged = 0;
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    HostVerdict& host = verdict.hosts[i];
    const auto seen = static_cast<std::uint64_t>(std::ranges::count(seen_[i], true));
    host.missing = host.targets - seen;
    judged += seen;
  }
  for (auto& [name, count] : verdict.conditions) {
    const std::uint64_t others =
        count.true_positive + count.false_positive + count.false_negative + count.undecided;
    count.true_negative = judged - std::min(judged, others);
  }
  return verdict;
}

}  // namespace spiderling::lab
