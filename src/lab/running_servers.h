// The processes of a lab: servers and forwarder.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/error.h"
#include "lab/plan.h"
#include "lab/topology.h"

namespace spiderling::lab {

/// Starts them; all are children of the calling process and die with it. For init alone: one thread.
class RunningServers {
 public:
  /// Files are written into `folder`, which exists. Borrows the topology.
  RunningServers(std::string folder, const Topology& topology)
      : folder_(std::move(folder)), topology_(topology) {}

  /// Returns when all of them answer, on IPv4 and IPv6. An error says which did not, and what it wrote.
  Result<void> start(const Scenario& scenario, const AddressPlan& plan);
  /// True if a process is one of them.
  bool has(pid_t process) const;

 private:
  struct Server {
    pid_t process = -1;
    std::string name;
  };
  Result<void> write_files() const;
  Result<void> make_certificate() const;
  Result<void> start_apache();
  Result<void> start_server(std::vector<std::string> words);
  Result<void> start_forwarder(const Scenario& scenario, const AddressPlan& plan);
  Result<void> wait_until_listening(const Scenario& scenario) const;
  Result<void> check_alive() const;
  std::string log_of(const std::string& name) const;

  std::string folder_;
  const Topology& topology_;
  std::vector<Server> servers_;
};

/// Makes the queues of connections that wait for accept() as long as the kernel allows, whatever the program
/// asked for: Knot asks for ten, and a burst of thousands would overflow them. For a child of the caller.
Result<void> lengthen_accept_queues(pid_t process);

}  // namespace spiderling::lab
