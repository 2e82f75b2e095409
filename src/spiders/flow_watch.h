// The observer of a measurement: watches for the flows of our connections, and for no others.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "capture/source.h"
#include "flows/observer.h"
#include "spiders/unnamed_flows.h"

namespace spiderling {

/// A flow as its own end names it, before its first packet has left.
struct ExpectedFlow {
  IpAddress sip;
  IpAddress dip;
  std::uint16_t sp = 0;
  std::uint16_t dp = 0;
  std::uint8_t protocol = 6;
};

/// What the observer says of an expected flow.
struct ObservedFlow {
  std::uint64_t token = 0;
  bool only_answered = false;  ///< not its end: its first packet from the peer has come, and no more is said
  Timestamp first{};
  Timestamp last{};
  /// The kernel dropped packets while the flow was expected, or a chain failed over one of them.
  bool lossy = false;
  KeptStates states;  ///< of all chains, laid out by ChainSet; nullptr: not observed
};

/// Joins connections with their flows, by the full key and nothing else. A connection is expected before its
/// SYN leaves, and let go when it is done; then, once, comes what was seen of it, or that nothing was.
/// Called from the event loop's thread.
class FlowExpectations {
 public:
  virtual ~FlowExpectations() = default;
  /// The flow's packets are for `token` until it was let go and taken. No two connections with the same five
  /// may be expected at once: the later would be told that it was not observed.
  virtual void expect(const ExpectedFlow& flow, std::uint64_t token) = 0;
  virtual void let_go(const ExpectedFlow& flow, std::uint64_t token) = 0;
  /// Instead of let_go(): nothing will be said of it.
  virtual void forget(const ExpectedFlow& flow, std::uint64_t token) = 0;

  /// A flow that somebody else begins, from a port of its own choice: until let_go_towards() those towards
  /// `dip` are watched.
  virtual void expect_towards(const IpAddress& dip, std::uint64_t token) = 0;
  /// It was the one from local port `sp`, of whatever protocol. 0: there was none, and nothing will be said.
  virtual void let_go_towards(const IpAddress& dip, std::uint16_t sp, std::uint64_t token) = 0;
};

/// Hears the packets of expected flows. Called by the observer's thread, which it must not keep waiting.
class FlowPackets {
 public:
  virtual ~FlowPackets() = default;
  virtual void keep(const Packet& packet) = 0;
  /// Nothing more has come for now.
  virtual void pause() = 0;
};

struct FlowWatchOptions {
  /// For so long a flow is still watched when its connection was let go.
  std::chrono::milliseconds linger{1000};
  /// A flow without packets for so long has ended, whatever its connection says.
  std::chrono::nanoseconds idle_timeout = std::chrono::minutes(10);
  /// Word comes also when a flow is answered, once.
  bool tells_answers = false;
  /// Outlives the watch; nullptr: nobody keeps them.
  FlowPackets* packets = nullptr;
  FailureLimit max_failures{};   ///< see ObserverOptions
  Watchdog* watchdog = nullptr;  ///< likewise
};

/// The expectations that a capture answers.
///
///     event loop              observer's thread
///     expect(flow, 7)  ──►   key -> 7
///       SYN ...              ring -> Observer -> chains, for expected flows only
///     let_go(flow, 7)  ──►   when all packets up to a linger later have been read:
///     take()           ◄──   {7, states} or {7, not observed}
///
/// Thread-safety: expect(), let_go() and take() from one thread; `wake` is called from the observer's.
class FlowWatch final : public FlowExpectations {
 public:
  /// `source` (one stream) and `chains` outlive the watch. `wake`: something is there to take(), or ended()
  /// has become true.
  FlowWatch(Source& source, const ChainSet& chains, const FlowWatchOptions& options,
            std::function<void()> wake);
  ~FlowWatch() override;
  FlowWatch(const FlowWatch&) = delete;
  FlowWatch& operator=(const FlowWatch&) = delete;

  void start();
  void expect(const ExpectedFlow& flow, std::uint64_t token) override;
  void let_go(const ExpectedFlow& flow, std::uint64_t token) override;
  void forget(const ExpectedFlow& flow, std::uint64_t token) override;
  void expect_towards(const IpAddress& dip, std::uint64_t token) override;
  void let_go_towards(const IpAddress& dip, std::uint16_t sp, std::uint64_t token) override;
  std::vector<ObservedFlow> take();

  /// The source has ended by itself: the interface is gone. What is expected, now or later, still comes back,
  /// as lossy: seen until then, or not at all.
  bool ended() const { return ended_.load(); }
  /// How often the observer went over packets and came back: odd while it has not. Any thread.
  std::uint64_t rounds() const { return rounds_.load(std::memory_order_relaxed); }
  /// Ends the thread. What was expected and not taken is gone.
  void stop();
  /// Once stopped.
  const ObserverCounters& counters() const { return observer_.counters(); }

 private:
  struct KeyHash {
    using is_avalanching = void;
    std::size_t operator()(const FlowKey& key) const noexcept;
  };
  struct Expectation {
    std::uint64_t token;
    std::int64_t since_ns;
    bool from_low;  // our own end comes first in the key
    bool recorded;
  };
  enum class Wish : std::uint8_t { expect, let_go, forget, expect_towards, let_go_towards };
  struct Order {
    FlowId flow;
    std::uint64_t token;
    std::int64_t time_ns;  // all times here are of the steady clock
    Wish wish;
    IpAddress dip{};  // of those towards an address, which name no flow
    std::uint16_t sp = 0;
  };
  struct Due {
    FlowId flow;
    std::uint64_t token;
    std::int64_t at_ns;
  };
  struct DueTowards {
    IpAddress dip;
    std::uint16_t sp;
    std::uint64_t token;
    std::int64_t at_ns;
  };
  class Records;

  void work();
  void after_the_end();
  void give_order(const ExpectedFlow& flow, std::uint64_t token, Wish wish);
  void add_order(const Order& order);
  void obey(const Order& order);
  void take_orders();
  void forget_now(const Order& order);
  void look_for_drops();
  void settle(std::int64_t lag_ns);
  void settle_one(const Due& due);
  void settle_towards(const DueTowards& due);
  void close_towards(const IpAddress& dip, std::uint64_t token);
  void record(const FlowRecord& record);
  void answered(const FlowId& flow);
  void hand_over();

  Source& source_;
  const ChainSet& chains_;
  const std::int64_t linger_ns_;
  const bool tells_answers_;
  FlowPackets* const packets_;
  const std::function<void()> wake_;
  const HashSeed seed_ = HashSeed::random();

  // Between the two threads: changed under the lock, once a batch.
  std::mutex mutex_;
  std::vector<Order> orders_;
  std::vector<ObservedFlow> done_;
  std::atomic<bool> ended_ = false;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> rounds_ = 0;

  // Of the observer's thread.
  boost::unordered_flat_map<FlowKey, Expectation, KeyHash> expected_;
  std::deque<Due> due_;  // in the order of time, since all linger alike
  std::deque<DueTowards> due_towards_;
  UnnamedFlows unnamed_;
  std::vector<Order> taken_orders_;
  std::vector<ObservedFlow> recorded_;
  std::uint64_t dropped_ = 0;
  std::int64_t last_drop_ns_ = std::numeric_limits<std::int64_t>::min();
  std::int64_t last_look_ns_ = 0;
  std::unique_ptr<Records> records_;
  Observer observer_;
  std::thread thread_;
};

}  // namespace spiderling
