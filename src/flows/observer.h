// Assigns packets to flows, runs the chains over them, emits a record a flow.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>

#include "capture/frame.h"
#include "flows/chain_guard.h"
#include "flows/chain_set.h"
#include "flows/flow_table.h"
#include "flows/fragment_tracker.h"
#include "flows/timer_wheel.h"

namespace spiderling {

/// Says which flows are wanted, and hears when they are answered. Called by the observer's thread.
class FlowAdmission {
 public:
  virtual ~FlowAdmission() = default;
  /// For each packet that is in no flow yet.
  virtual bool wants(const FlowId& flow) const = 0;
  /// The first packet of the direction that did not begin the flow has come, an ICMP error about the flow
  /// included. Once a flow; `flow` is that packet's.
  virtual void answered(const FlowId& /*flow*/) {}
  /// A packet of an admitted flow, before the chains see it: each once, ICMP errors about the flow and
  /// fragments included, the latter in the order in which their flow became known.
  virtual void belongs(const Packet& /*packet*/) {}
};

struct ObserverOptions {
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds(30);
  std::chrono::nanoseconds expiry_timeout = std::chrono::seconds(5);
  std::size_t max_flows = 4'000'000;  ///< at once, ignored ones too; above it one that is due next ends early
  std::size_t shard = 0;              ///< this observer's number ...
  std::size_t shards = 1;             ///< ... of so many that are given the same frames
  HashSeed seed = HashSeed::random();  ///< the same for all shards of a run
  FlowAdmission* admission = nullptr;  ///< outlives the observer; nullptr: every flow is wanted
  FailureLimit max_failures{};         ///< when a chain is set aside
  Watchdog* watchdog = nullptr;        ///< outlives the observer; nullptr: nobody looks for hooks that block
  bool aggregate = false;  ///< all packets are one flow, none of them in reverse; with one shard only
};

/// What an observer saw and what became of it. Every frame of the shard is counted in `packets`; it is in a
/// flow unless it is counted in short_packets, non_ip or ignored_packets too.
struct ObserverCounters {
  std::uint64_t packets = 0;
  std::uint64_t short_packets = 0;  ///< cut or too broken to name a flow
  std::uint64_t non_ip = 0;
  std::uint64_t malformed = 0;  ///< something in it was impossible; still in its flow where one could be told
  std::uint64_t flows = 0;      ///< records emitted or still to be
  std::uint64_t records = 0;
  std::uint64_t ignored = 0;  ///< flows vetoed by a chain
  std::uint64_t ignored_packets = 0;
  std::uint64_t orphan_fragments = 0;  ///< whose first fragment never came: in a flow without ports
  std::uint64_t early = 0;             ///< records emitted before their time to keep to max_flows
  std::uint64_t unwanted_packets = 0;  ///< of flows that were not admitted
  std::uint64_t chain_failures = 0;    ///< hooks that threw
  std::uint64_t failed_records = 0;    ///< records of flows over which a chain failed or was set aside
  std::uint64_t chains_set_aside = 0;  ///< since they failed again and again

  ObserverCounters& operator+=(const ObserverCounters& other);
};

/// A flow that has ended. Borrowed by the sink for the length of the call.
struct FlowRecord {
  Timestamp first;
  Timestamp last;
  const std::uint8_t* states;  ///< of all chains, laid out by ChainSet
  const FlowKey* key;
  FailedChains failed{};  ///< what these say of the flow is not to be relied on
};

/// Where records go. Called by the observer's thread.
class FlowSink {
 public:
  virtual ~FlowSink() = default;
  virtual void flow_ended(const FlowRecord& record) = 0;
};

/// The passive core. One thread; a run with N shards has N observers, and together they emit what one would.
///
///     Observer observer(chains, options, sink);
///     observer.process(frames);      // again and again: packet time drives the timers
///     observer.advance(wall_clock);  // live: also when nothing comes
///     observer.finish();
class Observer {
 public:
  /// `chains` and `sink` must outlive the observer.
  Observer(const ChainSet& chains, const ObserverOptions& options, FlowSink& sink);
  ~Observer();

  static constexpr std::size_t max_batch = 64;
  /// Any number of frames.
  void process(std::span<const Frame> frames);
  /// Lets timers see a time without a packet.
  void advance(Timestamp now);
  /// Emits a flow now, whatever its timers say. False if there is no such flow.
  bool end(const FlowId& id);
  /// Emits everything left. More may come afterwards, in new flows.
  void finish();

  const ObserverCounters& counters() const { return counters_; }
  /// What the hooks of each chain did, by its number in the set.
  std::vector<ChainFigures> chain_figures() { return guard_.figures(); }
  std::size_t live_flows() const { return table_.size(); }

 private:
  // What the first look at a packet found.
  enum class Kind : std::uint8_t { flow, icmp_error, later_fragment };
  struct Seen {
    Packet packet;
    FlowId id;
    Kind kind;
  };

  void process_batch(std::span<const Frame> frames);
  bool look(const Frame& frame, Seen& seen);
  void count_without_flow(Defect defect);
  void handle(const Seen& seen);
  void handle_later_fragment(const Packet& packet, const FlowId& by_addresses);
  void add_orphans(std::vector<OwnedPacket> orphans);
  void add_to_flow(const Packet& packet, const FlowId& id);
  Flow& start_flow(const Packet& packet, const FlowId& id);
  void open_record(Flow& flow, const Packet& packet, const FlowId& id);
  bool run_chains(Flow& flow, const Packet& packet, Direction direction);
  bool run_hooks(Flow& flow, const Packet& packet, Direction direction);

  void note_failures();
  void keep_time(std::int64_t batch_time_ns);
  void move_clock(std::int64_t now_ns);
  void settle_idle(Flow& flow, std::int64_t now_ns) const;
  bool is_over(const Flow& flow, std::int64_t now_ns) const;
  std::int64_t emit_at(const Flow& flow) const;
  void emit(Flow& flow);
  void make_room();
  void wake_at_end(Flow& flow);
  Flow& next_due();
  void close(Flow& flow);

  const ChainSet& chains_;
  ChainGuard guard_;
  FlowSink& sink_;
  FlowAdmission* const admission_;
  const std::int64_t idle_ns_;
  const std::int64_t expiry_ns_;
  const HashSeed seed_;
  const std::size_t shard_;
  const std::size_t shards_;
  const bool aggregate_;

  FlowTable table_;
  TimerWheel wheel_;
  FragmentTracker fragments_;
  ObserverCounters counters_;

  std::int64_t now_ns_ = 0;
  bool started_ = false;
  int batches_behind_ = 0;
  std::unique_ptr<Seen[]> batch_;
};

}  // namespace spiderling
