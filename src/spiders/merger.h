// Joins what workers and the observer say about the connections of a job.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "spiderling/connection.h"
#include "spiderling/job.h"
#include "spiders/flow_watch.h"
#include "spiders/network.h"

namespace spiderling {

/// One connection of a job: the worker's word, the observer's, and whether the observer has one to say.
struct JobConnection {
  ConnectionRecord record;
  ObservedFlow flow;
  bool attempted = false;  ///< a flow was expected
  PortLease lease;         ///< given back with the job, when no packet of it can come any more
};

/// A job with all that is known about it.
struct MergedJob {
  Job job;
  std::vector<JobConnection> connections;  ///< by configuration
  std::string members;                     ///< of the job, as its result has them; empty: as it came

  /// Flows that were expected and not observed.
  std::size_t missed_flows() const;
};

/// Holds jobs until their last connection has ended and their last flow has come. One thread.
///
///     const auto id = merger.open(job, 2);
///     merger.expect(id, 0);  // a flow of connection 0 will come, or word that there is none
///     merger.connection_ended(id, 0, record);
///     merger.flow_ended(std::move(flow));  // flow.token == Merger::token(id, 0)
class Merger {
 public:
  static constexpr std::size_t max_connections = 256;  ///< of one job
  using Finished = std::function<void(MergedJob&&)>;

  /// `finished` is called from connection_ended() and flow_ended(), once a job.
  explicit Merger(Finished finished) : finished_(std::move(finished)) {}

  std::uint64_t open(Job job, std::size_t connections);
  static std::uint64_t token(std::uint64_t id, std::size_t connection) {
    return id * max_connections + connection;
  }
  /// The job of an id that has not been finished.
  const Job& job(std::uint64_t id) const;

  void expect(std::uint64_t id, std::size_t connection);
  /// It will not come after all; the connection has not ended yet.
  void forget(std::uint64_t id, std::size_t connection);
  void keep(std::uint64_t id, std::size_t connection, PortLease lease);
  void connection_ended(std::uint64_t id, std::size_t connection, ConnectionRecord record);
  /// A token that is not known, or not expected any more, is ignored.
  void flow_ended(ObservedFlow flow);

  /// Jobs that were opened and are not finished.
  std::size_t size() const { return jobs_.size(); }

 private:
  struct Waiting {
    MergedJob merged;
    std::size_t words_to_come;  // of workers and of the observer
  };
  void word_came(std::uint64_t id, Waiting& job);

  Finished finished_;
  // By pointer: jobs stay where they are while others come and go.
  boost::unordered_flat_map<std::uint64_t, std::unique_ptr<Waiting>> jobs_;
  std::uint64_t next_id_ = 1;
};

}  // namespace spiderling
