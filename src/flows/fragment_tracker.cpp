#include "flows/fragment_tracker.h"

namespace spiderling {

std::size_t FragmentTracker::KeyHash::operator()(const DatagramKey& key) const {
  // The flow hash, with the identification in the place of the ports.
  static const HashSeed seed = HashSeed::random();
  const FlowId id = make_flow_id(
      {key.source.bytes.data(), key.destination.bytes.data(), static_cast<std::uint16_t>(key.identification),
       static_cast<std::uint16_t>(key.identification >> 16), key.protocol, key.source.version},
      seed);
  return static_cast<std::size_t>(id.hash);
}

FragmentTracker::DatagramKey FragmentTracker::key_of(const Packet& fragment) {
  const auto info = fragment.fragment();
  return {fragment.source(), fragment.destination(), info ? info->identification : 0, fragment.protocol()};
}

const FlowId* FragmentTracker::find(const DatagramKey& key) const {
  const auto at = entries_.find(key);
  return at != entries_.end() && at->second.flow ? &*at->second.flow : nullptr;
}

std::vector<OwnedPacket> FragmentTracker::first_seen(const DatagramKey& key, const FlowId& flow,
                                                     std::int64_t now_ns) {
  Entry& entry = entry_for(key, now_ns);
  if (entry.flow) {  // the identification is used again: another datagram
    due_.erase(entry.due);
    entry.due = due_.emplace(now_ns + lifetime_ns, key);
  }
  entry.flow = flow;
  std::vector<OwnedPacket> waiting;
  give_back(entry, waiting);
  return waiting;
}

bool FragmentTracker::hold(const DatagramKey& key, const Packet& packet) {
  if (held_packets_ == max_held_packets || held_bytes_ + packet.data().size() > max_held_bytes) return false;
  const std::int64_t now_ns = packet.time().time_since_epoch().count();
  entry_for(key, now_ns).waiting.push_back(packet.own());
  ++held_packets_;
  held_bytes_ += packet.data().size();
  return true;
}

std::vector<OwnedPacket> FragmentTracker::expire(std::int64_t now_ns, bool all) {
  std::vector<OwnedPacket> orphans = std::move(overflowed_);
  overflowed_.clear();
  while (!due_.empty() && (all || due_.begin()->first <= now_ns)) drop_oldest(orphans);
  return orphans;
}

void FragmentTracker::drop_oldest(std::vector<OwnedPacket>& to) {
  const auto at = entries_.find(due_.begin()->second);
  give_back(at->second, to);
  entries_.erase(at);
  due_.erase(due_.begin());
}

FragmentTracker::Entry& FragmentTracker::entry_for(const DatagramKey& key, std::int64_t now_ns) {
  const auto [at, made] = entries_.try_emplace(key);
  if (!made) return at->second;
  if (entries_.size() > max_datagrams) drop_oldest(overflowed_);
  at->second.due = due_.emplace(now_ns + lifetime_ns, key);
  return at->second;
}

void FragmentTracker::give_back(Entry& entry, std::vector<OwnedPacket>& to) {
  for (OwnedPacket& packet : entry.waiting) {
    --held_packets_;
    held_bytes_ -= packet->data().size();
    to.push_back(std::move(packet));
  }
  entry.waiting.clear();
}

}  // namespace spiderling
