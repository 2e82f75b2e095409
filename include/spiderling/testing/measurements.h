// A measurement in a test: connections as they are told, or a whole run over a network that is made up.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spiderling/measurement.h"
#include "spiderling/testing/fake_network.h"
#include "spiderling/testing/own_plugins.h"
#include "spiderling/testing/packets.h"

namespace spiderling::testing {

/// One connection, as the worker and the observer tell of it.
struct ToldConnection {
  ConnectionState state = ConnectionState::ok;
  Packets packets{};   ///< of its flow; none: not observed
  bool lossy = false;  ///< the kernel dropped packets meanwhile
  /// What the connector or the measurement's own connect() has added.
  std::vector<std::pair<std::string, Payload>> fields{};
};

/// How a measurement is run over a FakeNetwork.
struct FakeRunOptions {
  std::optional<ConnectMode> mode;  ///< not set: the measurement's first
  std::size_t attempts = 1;         ///< of a connection that nobody answers
  /// By configuration: how the sockets are set up of a measurement that configures the whole host by itself
  /// (Measurement::configure(), which is not called). Empty: as it says of its configurations.
  std::vector<SocketSetup> setups{};
  /// What its own code waits at most, since that takes its time here too.
  std::chrono::milliseconds timeout{5000};
};

/// What became of one target.
struct TargetResult {
  std::vector<std::string> conditions;        ///< as in results: "mss.option.remote.value:1460"
  std::vector<ConnectionRecord> connections;  ///< by configuration
  Payload json;  ///< the whole result, flows included, as `spiderling measure` writes it

  bool has(std::string_view condition) const;
};

/// A measurement of its own, made anew, for one test.
///
///     MeasurementTest test("ecn");
///     const auto conditions = test.conditions({
///         {.packets = {"10.0.0.1:4000 > 10.0.0.2:80 tcp S"}},
///         {.state = ConnectionState::timeout, .packets = {"10.0.0.1:4000 > 10.0.0.2:80 tcp SEC"}},
///     });
///     assert(conditions == std::vector<std::string>{"ecn.connectivity.broken"});
///
///     const auto results = test.run({{"plain", answers()}, {"gone", silent()}});
///     assert(results.at("plain").has("ecn.negotiation.succeeded"));
///     assert(results.at("gone").has("ecn.connectivity.offline"));
class MeasurementTest {
 public:
  /// Throws std::invalid_argument if there is no such measurement, one of its chains, or a field that it
  /// reads.
  explicit MeasurementTest(std::string_view name, PluginList own = own_plugins());
  /// By its description, which outlives it, whether it is registered or not.
  explicit MeasurementTest(const MeasurementDescription& description, PluginList own = own_plugins());
  MeasurementTest(MeasurementTest&&) noexcept;
  ~MeasurementTest();

  /// Its own options, as words of the command line: {"--codepoint", "46"}. Throws std::invalid_argument.
  MeasurementTest& options(const std::vector<std::string>& words);

  const MeasurementDescription& description() const;
  Measurement& measurement();
  /// Its configurations, connections or packets.
  std::vector<Configuration> configurations() const;

  /// From connections, one for each configuration, through its real chains, to its conditions.
  std::vector<std::string> conditions(const std::vector<ToldConnection>& connections) const;

  /// Every target measured, by the engine that `spiderling measure` has: connections at once, merged with
  /// what the chains saw, combined. Waits that come to nothing take no time. Settings of the whole host are
  /// not made. Throws std::invalid_argument for a measurement that expands jobs: see expand().
  std::map<std::string, TargetResult, std::less<>> run(const FakeNetwork& network,
                                                       const FakeRunOptions& options = {});

  /// What a job with this domain becomes. Throws std::invalid_argument for a measurement that connects.
  Expansion expand(std::string_view domain, const FakeNames& names);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace spiderling::testing
