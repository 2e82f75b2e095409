#include "app/measure_results.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "app/output.h"
#include "spiders/combiner.h"

namespace spiderling::app {

namespace {

// Nobody answered on any connection, or one came to nothing through a fault of ours.
bool came_to_nothing(const MergedJob& job) {
  const auto is = [](ConnectionState state) {
    return [state](const JobConnection& one) { return one.record.state == state; };
  };
  return std::ranges::all_of(job.connections, is(ConnectionState::timeout)) ||
         std::ranges::any_of(job.connections, is(ConnectionState::discard));
}

}  // namespace

MeasureResults::MeasureResults(MeasureParts& parts, PluginCalls& calls, LoopGuard& guard,
                               std::function<void()> cannot_write)
    : parts_(parts),
      calls_(calls),
      guard_(guard),
      cannot_write_(std::move(cannot_write)),
      json_(parts.chains, parts.options.output_flows),
      votes_(parts.options.repeat) {}

void MeasureResults::add(MergedJob&& job) {
  merge(parts_.plan.measurement, job, &calls_);
  std::vector<Condition> conditions = combine(parts_.plan.measurement, job, &calls_);
  conclude(parts_.plan.measurement, job, &calls_);
  Job once_more = parts_.options.repeat > 1 ? job.job : Job();
  if (const auto decided = votes_.add({std::move(job), std::move(conditions)})) return add_decided(*decided);
  parts_.jobs.give_again(std::move(once_more));
}

void MeasureResults::add_decided(const AnsweredJob& answered) {
  const MergedJob& job = answered.job;
  const std::vector<Condition>& conditions = answered.conditions;
  parts_.evidence.add(job);
  std::vector<FlowResult> flows;
  for (const JobConnection& one : job.connections) {
    flows.push_back({&one.record, one.flow.states.get(), one.flow.first, one.flow.last, one.flow.lossy});
    if (one.flow.lossy) ++counters_.lossy;
  }
  const std::size_t missed = job.missed_flows();
  counters_.unobserved += missed;
  JobResult result{job.job, conditions, flows, missed};
  result.members = job.members;
  if (parts_.asn != nullptr) {
    result.sip_asn = parts_.asn->find(source_of(flows));
    result.dip_asn = parts_.asn->find(job.job.dip);
  }
  if (parts_.options.repeat > 1) result.times = static_cast<unsigned>(answered.times);
  if (parts_.jobs.retries()) result.attempts = parts_.jobs.attempt(job.job);
  if (!came_to_nothing(job) || !parts_.jobs.may_ask_again(job.job)) return write(result);
  Attempted found{job.job.line, {}, conditions};
  json_.append(result, found.result);
  parts_.jobs.ask_again(job.job, std::move(found));
}

void MeasureResults::write(const JobResult& result) {
  const auto mine = guard_.own();
  ++counters_.results;
  conditions_.add(result.conditions);
  json_.append(result, lines_);
  parts_.jobs.finished(result.job);
  if (parts_.campaign != nullptr) parts_.campaign->finished(result.job);
  if (lines_.size() >= write_at_once) flush_owned();
}

void MeasureResults::close() {
  decide_the_rest();
  write_leftovers();
  flush();
}

// Of jobs that were to be measured once more when the run was ended.
void MeasureResults::decide_the_rest() {
  std::vector<AnsweredJob> rest = votes_.close();
  if (parts_.campaign != nullptr) return;
  for (const AnsweredJob& answered : rest) add_decided(answered);
}

// Of jobs that were to be asked again when the run was ended: what was found before. With a journal they are
// not done, and the next run asks them.
void MeasureResults::write_leftovers() {
  const std::vector<Attempted> leftovers = parts_.jobs.leftovers();
  const auto mine = guard_.own();
  if (parts_.campaign != nullptr) return;
  for (const Attempted& one : leftovers) {
    ++counters_.results;
    conditions_.add(one.conditions);
    lines_ += one.result;
  }
}

void MeasureResults::flush() {
  const auto mine = guard_.own();
  flush_owned();
}

void MeasureResults::flush_owned() {
  const bool has_failed = parts_.campaign != nullptr && parts_.campaign->has_failed();
  if (lines_.empty() && !has_failed) return;
  if (!parts_.write(lines_)) cannot_write_();
  lines_.clear();
}

void MeasureResults::write_what_there_is() {
  if (!lines_.empty()) parts_.write(lines_);
}

}  // namespace spiderling::app
