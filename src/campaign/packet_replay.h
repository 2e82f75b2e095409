// Flows from packets that were kept, as the run that kept them saw them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "flows/observer.h"
#include "spiders/flow_watch.h"

namespace spiderling {

/// Runs chains over a trace for the flows that are expected, each for its own span of time: the same five may
/// come again later as another flow. No I/O. One thread.
///
///     const auto flow = replay.expect(ends, start, end);
///     replay.process(frames);  // again and again, in the order of their times
///     replay.finish();
///     use(replay.seen(flow));
class PacketReplay final : private FlowAdmission, private FlowSink {
 public:
  /// `chains` outlives it.
  explicit PacketReplay(const ChainSet& chains);
  ~PacketReplay() override;

  /// A flow whose packets come from `from` on and not after `until`, nor after the next of the same five has
  /// begun. Not once process() was called.
  std::size_t expect(const ExpectedFlow& flow, Timestamp from, Timestamp until);
  void process(std::span<const Frame> frames);
  void finish();

  struct Seen {
    Timestamp first{};
    Timestamp last{};
    const std::uint8_t* states = nullptr;  ///< of all chains; nullptr: no packet of it was there
  };
  Seen seen(std::size_t flow) const;

  /// Of all flows that are expected: nothing outside is of use. Equal if there are none.
  Timestamp first_begin() const { return first_begin_; }
  Timestamp last_end() const { return last_end_; }

 private:
  struct KeyHash {
    using is_avalanching = void;
    std::size_t operator()(const FlowKey& key) const noexcept;
  };
  struct Flow {
    FlowId id;
    Timestamp first{};
    Timestamp last{};
    bool recorded = false;
  };
  struct Event {
    std::int64_t time_ns;
    std::uint32_t flow;
    bool begins;
  };

  bool wants(const FlowId& flow) const override;
  void flow_ended(const FlowRecord& record) override;
  void sort_events();
  void pass_events_up_to(std::int64_t time_ns);
  void begin(std::uint32_t number);
  void end(std::uint32_t number);

  const ChainSet& chains_;
  const std::size_t states_size_;
  const HashSeed seed_ = HashSeed::random();
  std::vector<Flow> flows_;
  std::vector<std::uint8_t> states_;  // of each flow, one after another
  std::vector<Event> events_;
  std::size_t next_event_ = 0;
  bool sorted_ = false;
  Timestamp first_begin_{};
  Timestamp last_end_{};
  boost::unordered_flat_map<FlowKey, std::uint32_t, KeyHash> current_;
  Observer observer_;
};

}  // namespace spiderling
