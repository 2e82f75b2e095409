// Makes one connection of a job, from its expectation to the worker's word about it.
#pragma once

#include <any>
#include <cstdint>
#include <functional>
#include <memory>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/boost_asio.h"
#include "spiders/flow_watch.h"
#include "spiders/merger.h"
#include "spiders/network.h"
#include "spiders/plan.h"

namespace spiderling {

/// What happens between a connection and what comes after it: with settings of the whole host, waiting until
/// they were put back.
using LetGoOfConfiguration = std::function<asio::awaitable<void>()>;

struct ConnectionCounters {
  std::uint64_t by_state[5] = {};        ///< ConnectionState
  std::uint64_t port_retries = 0;        ///< a pair was still in TIME_WAIT: another port was taken
  std::uint64_t repeats = 0;             ///< attempts after the first, of connections that nobody answered
  std::uint64_t failures_of_plugin = 0;  ///< connect() or post_connect() of the measurement threw
};

/// Event loop's thread only.
class ConnectionMaker {
 public:
  /// All references outlive the maker.
  ConnectionMaker(const EnginePlan& plan, Network& network, FlowExpectations& watch, Merger& merger)
      : plan_(plan), network_(network), watch_(watch), merger_(merger), forger_(plan.measurement.forger()) {}

  /// Connection `number` of the merger's job `id`, until the merger was told how it ended. `prepared`
  /// outlives the coroutine.
  asio::awaitable<void> make(std::uint64_t id, std::size_t number, const std::any& prepared,
                             LetGoOfConfiguration let_go_of_configuration = {});

  /// The observer has seen a first answer to the connection of this token, if it is still made.
  void answered(std::uint64_t token);

  const ConnectionCounters& counters() const { return counters_; }

 private:
  class OwnWorker;
  struct Making;  // one connection while it is made

  enum class Extent : std::uint8_t { handshake, whole_mode };
  asio::awaitable<void> connect(Making& making, Extent extent);
  asio::awaitable<void> attempt(Making& making, Extent extent, Deadline deadline);
  bool is_suitable(Making& making);
  void tell(PluginFunction function, const std::string& why) const;
  void take_back(Making& making);
  void let_go(Making& making);
  asio::awaitable<void> by_measurement(Making& making, const LetGoOfConfiguration& let_go_of_configuration);
  bool prepare(Making& making);
  std::uint16_t port_of(const Job& job) const;

  const EnginePlan& plan_;
  Network& network_;
  FlowExpectations& watch_;
  Merger& merger_;
  const ForgeMeasurement* const forger_;
  // By token, those that end when they are answered: of forged packets only.
  boost::unordered_flat_map<std::uint64_t, Conversation*> answerable_;
  ConnectionCounters counters_;
};

}  // namespace spiderling
