// Fragments belong to the flow of their first fragment.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "flows/flow_key.h"

namespace spiderling {

/// Remembers which flow a datagram's first fragment named, and keeps copies of fragments that came before it.
/// Both bounded in number, bytes and time; what is given up is handed back, so that nothing is lost. One
/// thread.
class FragmentTracker {
 public:
  static constexpr std::size_t max_datagrams = 16384;
  static constexpr std::size_t max_held_packets = 1024;
  static constexpr std::size_t max_held_bytes = 4u << 20;
  static constexpr std::int64_t lifetime_ns = 60'000'000'000;  // RFC 8200, section 4.5

  struct DatagramKey {
    IpAddress source;
    IpAddress destination;
    std::uint32_t identification;
    std::uint8_t protocol;
    friend bool operator==(const DatagramKey&, const DatagramKey&) = default;
  };
  static DatagramKey key_of(const Packet& fragment);

  /// The flow of a later fragment, if its first fragment has been seen.
  const FlowId* find(const DatagramKey& key) const;

  /// Notes the flow that a first fragment names. Gives the later fragments that were waiting for it, oldest
  /// first.
  std::vector<OwnedPacket> first_seen(const DatagramKey& key, const FlowId& flow, std::int64_t now_ns);

  /// Keeps a copy of a later fragment that came early. False if there is no room: it is the caller's again.
  bool hold(const DatagramKey& key, const Packet& packet);

  /// Gives back the held fragments whose first fragment did not come in time; `all`: every one, at the end.
  std::vector<OwnedPacket> expire(std::int64_t now_ns, bool all = false);

  /// Fragments had to make room for others: expire() gives them back at once.
  bool has_given_up() const { return !overflowed_.empty(); }

  /// Nothing is remembered, so there is nothing to expire.
  bool empty() const { return entries_.empty() && overflowed_.empty(); }

 private:
  struct KeyHash {
    std::size_t operator()(const DatagramKey& key) const;
  };
  // By time, not in the order of arrival: what a bad clock dated far ahead must not keep the others here.
  using Expiry = std::multimap<std::int64_t, DatagramKey>;
  struct Entry {
    std::optional<FlowId> flow;
    std::vector<OwnedPacket> waiting;
    Expiry::iterator due;
  };

  Entry& entry_for(const DatagramKey& key, std::int64_t now_ns);
  void drop_oldest(std::vector<OwnedPacket>& to);
  void give_back(Entry& entry, std::vector<OwnedPacket>& to);

  std::unordered_map<DatagramKey, Entry, KeyHash> entries_;
  Expiry due_;  // one an entry
  std::vector<OwnedPacket> overflowed_;
  std::size_t held_packets_ = 0;
  std::size_t held_bytes_ = 0;
};

}  // namespace spiderling
