// What one run of the engine is to do.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "spiderling/measurement.h"
#include "spiders/epochs.h"
#include "spiders/plugin_calls.h"

namespace spiderling {

/// In which order the connections of one job are made.
enum class Interleave : std::uint8_t {
  together,  ///< all at the same moment
  random,    ///< one after the other, in an order drawn for each job
  in_order,  ///< one after the other, A first
};

struct EngineOptions {
  std::size_t workers = 1000;               ///< jobs whose connections are being made at once
  std::size_t most_held = 50'000;           ///< jobs at once, those that wait for the observer too
  std::chrono::milliseconds timeout{5000};  ///< of one connection, all attempts at it together
  /// A connection that nobody answers is made again, each time from another port, until there were so many:
  /// at least 1. Each attempt has its share of the timeout.
  std::size_t attempts = 1;
  ConnectMode mode = ConnectMode::http;
  Interleave interleave = Interleave::together;
  std::uint64_t seed = 0;  ///< of random orders
};

/// What is measured, and how.
struct EnginePlan {
  Measurement& measurement;
  bool has_own_connect = true;  ///< see MeasurementDescription
  std::vector<Configuration> configurations;
  std::vector<std::uint32_t> marks;  ///< by configuration, of its sockets; 0: none
  HostEpochs* epochs = nullptr;      ///< nullptr: sockets are configured, the host is left alone
  EngineOptions options;
  PluginCalls* calls = nullptr;  ///< hears of the measurement's functions; nullptr: nobody does

  HandlerWatch* watch() const { return calls != nullptr ? &calls->watch() : nullptr; }
};

}  // namespace spiderling
