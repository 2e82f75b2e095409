#include "spiders/combiner.h"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>

#include <boost/json/parse.hpp>

#include "base/log.h"
#include "jobs/job_fields.h"
#include "spiders/await_task.h"

namespace spiderling {

namespace json = boost::json;

namespace {

bool is_unsigned(FieldType type) {
  return type == FieldType::u8 || type == FieldType::u16 || type == FieldType::u32 || type == FieldType::u64;
}

bool answers(FieldType wanted, FieldType given) {
  return wanted == given || (wanted == FieldType::u64 && is_unsigned(given));
}

// False: the connection was never tried, or what became of it says nothing about the path.
bool says_something(const JobConnection& connection) {
  const ConnectionState state = connection.record.state;
  return state != ConnectionState::skipped && state != ConnectionState::discard;
}

Result<void> bind(FlowFieldBase& wanted, const ChainSet& chains) {
  for (const ChainSet::Placed& placed : chains.chains()) {
    for (const Field& field : placed.chain->fields) {
      if (std::string_view(field.name) != wanted.name()) continue;
      if (!answers(wanted.wanted(), field.type)) {
        return error("the measurement reads field '{}' of chain '{}' as another type than it has",
                     wanted.name(), placed.chain->name);
      }
      wanted.bind(field, placed.state_offset);
      return {};
    }
  }
  return error("the measurement reads field '{}', which none of its chains has", wanted.name());
}

// Called while it is caught.
void tell(PluginCalls* calls, PluginFunction function, const char* name) {
  const std::string why = reason_of(std::current_exception());
  if (calls != nullptr) return calls->failed(function, why);
  log::warning(fmt::format("{} of the measurement failed", name), {{"why", why}});
}

// False: the measurement threw, and what it has said until then is not to be trusted.
bool ask(const Measurement& measurement, const MergedJob& job, Conditions& conditions, PluginCalls* calls) {
  std::vector<MergedFlow> flows;
  flows.reserve(job.connections.size());
  for (const JobConnection& one : job.connections) {
    flows.emplace_back(one.record, one.flow.states.get(), one.flow.lossy);
  }
  try {
    const PluginCall runs(calls, PluginFunction::combine);
    measurement.combine(flows, conditions);
  } catch (...) {
    tell(calls, PluginFunction::combine, "combine");
    return false;
  }
  if (calls != nullptr) calls->succeeded(PluginFunction::combine);
  return true;
}

// Throws if a result could not have them.
void check_members(const std::string& members) {
  json::parse_options options;
  options.max_depth = max_job_depth;
  const json::value value = json::parse("{" + members + "}", {}, options);
  for (const std::string_view name : members_of_results) {
    if (value.as_object().contains({name.data(), name.size()}))
      throw std::invalid_argument(fmt::format("'{}' of a job is what a result says anew", name));
  }
}

}  // namespace

Result<void> bind_flow_fields(const Measurement& measurement, const ChainSet& chains) {
  for (FlowFieldBase* field : measurement.flow_fields()) {
    if (auto bound = bind(*field, chains); !bound) return bound;
  }
  return {};
}

void merge(const Measurement& measurement, MergedJob& job, PluginCalls* calls) {
  for (std::size_t run = 0; run < job.connections.size(); ++run) {
    JobConnection& one = job.connections[run];
    try {
      const PluginCall runs(calls, PluginFunction::merge);
      measurement.merge(job.job, run, {one.record, one.flow.states.get(), one.flow.lossy}, one.record);
    } catch (...) {
      tell(calls, PluginFunction::merge, "merge");
    }
  }
}

std::vector<Condition> combine(const Measurement& measurement, const MergedJob& job, PluginCalls* calls) {
  Conditions conditions;
  if (!std::ranges::all_of(job.connections, says_something) || !ask(measurement, job, conditions, calls)) {
    conditions = {};
    conditions.add("pathspider.skipped");
  }
  if (const std::size_t missed = job.missed_flows(); missed > 0)
    conditions.add("pathspider.missed_flows", missed);
  return std::move(conditions).list();
}

void conclude(const Measurement& measurement, MergedJob& job, PluginCalls* calls) {
  std::vector<ConnectionRecord*> records;
  records.reserve(job.connections.size());
  for (JobConnection& one : job.connections) records.push_back(&one.record);
  std::string members = job.job.members;
  try {
    const PluginCall runs(calls, PluginFunction::conclude);
    measurement.conclude(job.job, records, members);
    if (members == job.job.members) return;
    check_members(members);
    job.members = std::move(members);
  } catch (...) {
    tell(calls, PluginFunction::conclude, "conclude");
  }
}

}  // namespace spiderling
