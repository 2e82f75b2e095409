#include "spiders/merger.h"

#include <algorithm>
#include <utility>

namespace spiderling {

std::size_t MergedJob::missed_flows() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      connections, [](const JobConnection& one) { return one.attempted && one.flow.states == nullptr; }));
}

std::uint64_t Merger::open(Job job, std::size_t connections) {
  const std::uint64_t id = next_id_++;
  auto waiting = std::make_unique<Waiting>();
  waiting->merged.job = std::move(job);
  waiting->merged.connections.resize(connections);
  waiting->words_to_come = connections;
  jobs_.emplace(id, std::move(waiting));
  return id;
}

const Job& Merger::job(std::uint64_t id) const { return jobs_.find(id)->second->merged.job; }

void Merger::expect(std::uint64_t id, std::size_t connection) {
  Waiting& job = *jobs_.find(id)->second;
  job.merged.connections[connection].attempted = true;
  ++job.words_to_come;
}

void Merger::forget(std::uint64_t id, std::size_t connection) {
  Waiting& job = *jobs_.find(id)->second;
  job.merged.connections[connection].attempted = false;
  --job.words_to_come;
}

void Merger::keep(std::uint64_t id, std::size_t connection, PortLease lease) {
  jobs_.find(id)->second->merged.connections[connection].lease = std::move(lease);
}

void Merger::connection_ended(std::uint64_t id, std::size_t connection, ConnectionRecord record) {
  Waiting& job = *jobs_.find(id)->second;
  job.merged.connections[connection].record = std::move(record);
  word_came(id, job);
}

void Merger::flow_ended(ObservedFlow flow) {
  const std::uint64_t id = flow.token / max_connections;
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return;
  Waiting& job = *at->second;
  const std::size_t number = flow.token % max_connections;
  if (number >= job.merged.connections.size()) return;
  JobConnection& connection = job.merged.connections[number];
  if (!connection.attempted || connection.flow.token != 0) return;
  connection.flow = std::move(flow);
  word_came(id, job);
}

void Merger::word_came(std::uint64_t id, Waiting& job) {
  if (--job.words_to_come > 0) return;
  MergedJob merged = std::move(job.merged);
  jobs_.erase(id);
  finished_(std::move(merged));
}

}  // namespace spiderling
