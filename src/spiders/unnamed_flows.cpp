#include "spiders/unnamed_flows.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace spiderling {

namespace {

constexpr std::size_t flows_besides = 32;  // towards one address, of nobody's or of connections made twice
constexpr std::size_t flows_of_one = 8;    // that waits there

struct End {
  IpAddress address;
  std::uint16_t port;
};

// The two ends as flow_key.cpp puts them: the one that comes first in the key, or the other.
End end_of(const FlowKey& key, bool low) {
  End end{{}, static_cast<std::uint16_t>(key.words[4] >> (low ? 48 : 32))};
  std::uint8_t bytes[16];
  if (static_cast<IpVersion>(key.words[4] & 0xff) == IpVersion::v4) {
    store_be32(bytes, static_cast<std::uint32_t>(low ? key.words[0] >> 32 : key.words[0]));
    end.address = IpAddress::v4(bytes);
  } else {
    for (int half = 0; half < 2; ++half) {
      const std::uint64_t word = key.words[(low ? 0 : 2) + half];
      store_be32(bytes + 8 * half, static_cast<std::uint32_t>(word >> 32));
      store_be32(bytes + 8 * half + 4, static_cast<std::uint32_t>(word));
    }
    end.address = IpAddress::v6(bytes);
  }
  return end;
}

template <class Candidates>
auto by_port(Candidates& flows, std::uint16_t sp) {
  return std::ranges::find_if(flows, [sp](const auto& one) { return one.sp == sp; });
}

}  // namespace

// Addresses that the user chose to ask: nobody chooses them to collide.
std::size_t UnnamedFlows::AddressHash::operator()(const IpAddress& address) const noexcept {
  std::uint64_t words[2];
  std::memcpy(words, address.bytes.data(), sizeof words);
  std::uint64_t hash = (words[0] ^ words[0] >> 29) * 0x9E3779B97F4A7C15u;
  hash = (hash ^ words[1] ^ hash >> 32) * 0x9E3779B97F4A7C15u;
  return hash ^ hash >> 32;
}

void UnnamedFlows::expect(const IpAddress& dip, std::uint64_t token, std::int64_t since_ns) {
  destinations_[dip].waiting.push_back({token, since_ns});
}

bool UnnamedFlows::admit(const FlowId& flow) {
  if (destinations_.empty()) return false;
  const auto at = destinations_.find(end_of(flow.key, !flow.from_low).address);
  if (at == destinations_.end()) return false;
  Destination& destination = at->second;
  const auto is_it = [&](const Candidate& one) { return one.id.key == flow.key; };
  const auto known = std::ranges::find_if(destination.flows, is_it);
  if (known != destination.flows.end()) return known->seen.states == nullptr;
  if (destination.flows.size() >= flows_besides + flows_of_one * destination.waiting.size()) {
    destination.overflowed = true;
    return false;
  }
  destination.flows.push_back({flow, end_of(flow.key, flow.from_low).port, {}});
  return true;
}

UnnamedFlows::Candidate* UnnamedFlows::candidate_of(const FlowKey& key) {
  for (const bool low : {true, false}) {
    const auto at = destinations_.find(end_of(key, low).address);
    if (at == destinations_.end()) continue;
    for (Candidate& one : at->second.flows)
      if (one.id.key == key) return &one;
  }
  return nullptr;
}

void UnnamedFlows::record(const FlowRecord& record) {
  if (destinations_.empty()) return;
  Candidate* const candidate = candidate_of(*record.key);
  if (candidate == nullptr || candidate->seen.states != nullptr) return;
  candidate->seen.first = record.first;
  candidate->seen.last = record.last;
  candidate->seen.states = keep_states(chains_, record.states);
}

const FlowId* UnnamedFlows::find(const IpAddress& dip, std::uint16_t sp) const {
  const auto at = destinations_.find(dip);
  if (at == destinations_.end()) return nullptr;
  const auto found = by_port(at->second.flows, sp);
  return found == at->second.flows.end() || found->seen.states != nullptr ? nullptr : &found->id;
}

UnnamedFlow UnnamedFlows::take(const IpAddress& dip, std::uint16_t sp) {
  const auto at = destinations_.find(dip);
  if (at == destinations_.end()) return {};
  const auto found = by_port(at->second.flows, sp);
  if (found == at->second.flows.end()) return {};
  UnnamedFlow seen = std::move(found->seen);
  at->second.flows.erase(found);
  return seen;
}

std::int64_t UnnamedFlows::since(const IpAddress& dip, std::uint64_t token) const {
  const auto at = destinations_.find(dip);
  if (at == destinations_.end()) return 0;
  const auto found = std::ranges::find(at->second.waiting, token, &Waiting::token);
  return found == at->second.waiting.end() ? 0 : found->since_ns;
}

bool UnnamedFlows::has_overflowed(const IpAddress& dip) const {
  const auto at = destinations_.find(dip);
  return at != destinations_.end() && at->second.overflowed;
}

std::vector<FlowId> UnnamedFlows::close(const IpAddress& dip, std::uint64_t token) {
  const auto at = destinations_.find(dip);
  if (at == destinations_.end()) return {};
  Destination& destination = at->second;
  std::erase_if(destination.waiting, [token](const Waiting& one) { return one.token == token; });
  if (!destination.waiting.empty()) return {};
  std::vector<FlowId> rest;
  for (const Candidate& one : destination.flows)
    if (one.seen.states == nullptr) rest.push_back(one.id);
  destinations_.erase(at);
  return rest;
}

}  // namespace spiderling
