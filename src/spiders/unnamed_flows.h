// Flows of connections that somebody else makes: only where they go is known before their first packet.
#pragma once

#include <cstdint>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "flows/observer.h"

namespace spiderling {

/// What was seen of one such flow.
struct UnnamedFlow {
  Timestamp first{};
  Timestamp last{};
  KeptStates states;  ///< nullptr: the flow has not ended yet
};

/// Flows from any port of ours towards addresses that were named, until the port is known. Bounded: of each
/// address a few more than connections wait there, and none once none waits.
///
/// One thread, the observer's.
///
///     flows.expect(dip, 7, now);
///     flows.admit(id)               // each flow that begins towards dip
///     const FlowId* id = flows.find(dip, 40'000);   // to be ended, which comes to record()
///     auto flow = flows.take(dip, 40'000);
///     for (const FlowId& rest : flows.close(dip, 7)) ...   // nobody waits for these any more: to be ended
class UnnamedFlows {
 public:
  /// `chains` outlives it.
  explicit UnnamedFlows(const ChainSet& chains) : chains_(chains) {}

  void expect(const IpAddress& dip, std::uint64_t token, std::int64_t since_ns);
  /// Whether the flow of this packet is one of them: its sender's end is ours.
  bool admit(const FlowId& flow);
  /// It has ended. One that is not of them is passed over.
  void record(const FlowRecord& record);

  /// The flow from our port `sp`; nullptr: there is none, or it has ended.
  const FlowId* find(const IpAddress& dip, std::uint16_t sp) const;
  /// What was seen of it, once. Without states: nothing was.
  UnnamedFlow take(const IpAddress& dip, std::uint16_t sp);
  /// Since when `token` waits; and whether a flow towards `dip` was not admitted for want of room.
  std::int64_t since(const IpAddress& dip, std::uint64_t token) const;
  bool has_overflowed(const IpAddress& dip) const;
  /// `token` waits no more. The flows that are to be ended with it: none, while others wait.
  std::vector<FlowId> close(const IpAddress& dip, std::uint64_t token);

  bool empty() const { return destinations_.empty(); }

 private:
  struct Candidate {
    FlowId id;
    std::uint16_t sp;
    UnnamedFlow seen;
  };
  struct Waiting {
    std::uint64_t token;
    std::int64_t since_ns;
  };
  struct Destination {
    std::vector<Waiting> waiting;
    std::vector<Candidate> flows;
    bool overflowed = false;
  };
  struct AddressHash {
    using is_avalanching = void;
    std::size_t operator()(const IpAddress& address) const noexcept;
  };

  Candidate* candidate_of(const FlowKey& key);

  const ChainSet& chains_;
  boost::unordered_flat_map<IpAddress, Destination, AddressHash> destinations_;
};

}  // namespace spiderling
