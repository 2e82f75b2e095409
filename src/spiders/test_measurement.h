// A measurement that ships, with packets in, through its real chains, and conditions out. Only for tests.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flows/test_packets.h"
#include "plugins/registry.h"
#include "spiders/combiner.h"

namespace spiderling::testing {

/// A connection as the worker and the observer tell of it.
struct Told {
  ConnectionState state = ConnectionState::ok;
  std::vector<PacketBytes> packets{};  ///< none: not observed
  bool lossy = false;
};

class MeasurementRig {
 public:
  explicit MeasurementRig(std::string_view name)
      : description_(find(name)), measurement_(description_.create()) {
    const auto bound = bind_flow_fields(*measurement_, chains_);
    if (!bound) throw std::runtime_error(bound.error().message);
  }

  const MeasurementDescription& description() const { return description_; }
  Measurement& measurement() { return *measurement_; }
  const Measurement& measurement() const { return *measurement_; }

  /// One for each configuration.
  std::vector<std::string> conditions(const std::vector<Told>& told) const {
    MergedJob job;
    for (const Told& one : told) job.connections.push_back(connection(one));
    std::vector<std::string> names;
    for (const Condition& one : combine(*measurement_, job)) names.push_back(one.to_string());
    return names;
  }

 private:
  static const MeasurementDescription& find(std::string_view name) {
    for (const MeasurementDescription* one : Registry::built_in().measurements())
      if (one->name == name) return *one;
    throw std::runtime_error("no measurement is named " + std::string(name));
  }
  ChainSet chains_of_measurement() const {
    const std::vector<std::string> names(description_.chains.begin(), description_.chains.end());
    return *ChainSet::make(*Registry::built_in().chains(names));
  }

  JobConnection connection(const Told& told) const {
    JobConnection one;
    one.attempted = true;
    one.record.state = told.state;
    one.flow.lossy = told.lossy;
    one.flow.states = states_of(told.packets);
    return one;
  }

  std::unique_ptr<std::uint8_t[]> states_of(const std::vector<PacketBytes>& packets) const {
    if (packets.empty()) return nullptr;
    struct Sink : FlowSink {
      explicit Sink(std::size_t state_size) : size(state_size) {}
      void flow_ended(const FlowRecord& record) override {
        EXPECT_EQ(states, nullptr) << "one flow expected";
        states = std::make_unique<std::uint8_t[]>(size);
        std::memcpy(states.get(), record.states, size);
      }
      const std::size_t size;
      std::unique_ptr<std::uint8_t[]> states;
    } sink(chains_.blank_states().size());
    Observer observer(chains_, {}, sink);
    Trace trace;
    for (const PacketBytes& packet : packets)
      trace.at(static_cast<std::int64_t>(trace.size()) * millisecond, packet);
    observer.process(trace.frames());
    observer.finish();
    return std::move(sink.states);
  }

  const MeasurementDescription& description_;
  const ChainSet chains_ = chains_of_measurement();
  const std::unique_ptr<Measurement> measurement_;
};

}  // namespace spiderling::testing
