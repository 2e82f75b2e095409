#include "campaign/packet_replay.h"

#include <algorithm>
#include <cstring>

namespace spiderling {

// Keys of ours, as they stand in results; the observer's own table has a secret.
std::size_t PacketReplay::KeyHash::operator()(const FlowKey& key) const noexcept {
  std::uint64_t hash = 0;
  for (const std::uint64_t word : key.words) hash = (hash ^ word ^ hash >> 29) * 0x9E3779B97F4A7C15u;
  return hash ^ hash >> 32;
}

// Timers as those of FlowWatch: a flow that ended early there ends early here.
PacketReplay::PacketReplay(const ChainSet& chains)
    : chains_(chains),
      states_size_(chains.blank_states().size()),
      observer_(chains,
                {.idle_timeout = FlowWatchOptions{}.idle_timeout,
                 .expiry_timeout = FlowWatchOptions{}.idle_timeout,
                 .seed = seed_,
                 .admission = this},
                *this) {}

PacketReplay::~PacketReplay() {
  for (std::size_t i = 0; i < flows_.size(); ++i) {
    if (flows_[i].recorded) chains_.let_go(states_.data() + i * states_size_);
  }
}

std::size_t PacketReplay::expect(const ExpectedFlow& flow, Timestamp from, Timestamp until) {
  const auto number = static_cast<std::uint32_t>(flows_.size());
  until = std::max(until, from);
  first_begin_ = flows_.empty() ? from : std::min(first_begin_, from);
  last_end_ = flows_.empty() ? until : std::max(last_end_, until);
  flows_.push_back({make_flow_id(
      {flow.sip.bytes.data(), flow.dip.bytes.data(), flow.sp, flow.dp, flow.protocol, flow.dip.version},
      seed_)});
  events_.push_back({from.time_since_epoch().count(), number, true});
  events_.push_back({until.time_since_epoch().count() + 1, number, false});  // a packet at `until` is in it
  return number;
}

// At one moment flows end before others begin.
void PacketReplay::sort_events() {
  states_.resize(flows_.size() * states_size_);
  std::ranges::stable_sort(events_, [](const Event& a, const Event& b) {
    return a.time_ns != b.time_ns ? a.time_ns < b.time_ns : a.begins < b.begins;
  });
  sorted_ = true;
}

void PacketReplay::process(std::span<const Frame> frames) {
  if (!sorted_) sort_events();
  while (!frames.empty()) {
    pass_events_up_to(frames.front().time_ns);
    const std::int64_t next = next_event_ < events_.size() ? events_[next_event_].time_ns : INT64_MAX;
    const auto behind =
        std::ranges::find_if(frames, [&](const Frame& frame) { return frame.time_ns >= next; });
    const auto count = static_cast<std::size_t>(behind - frames.begin());
    observer_.process(frames.first(count));
    frames = frames.subspan(count);
  }
}

void PacketReplay::pass_events_up_to(std::int64_t time_ns) {
  for (; next_event_ < events_.size() && events_[next_event_].time_ns <= time_ns; ++next_event_) {
    const Event& event = events_[next_event_];
    if (event.begins) {
      begin(event.flow);
    } else {
      end(event.flow);
    }
  }
}

void PacketReplay::begin(std::uint32_t number) {
  const auto [at, is_new] = current_.try_emplace(flows_[number].id.key, number);
  if (is_new) return;
  observer_.end(flows_[at->second].id);
  at->second = number;
}

void PacketReplay::end(std::uint32_t number) {
  const auto at = current_.find(flows_[number].id.key);
  if (at == current_.end() || at->second != number) return;
  observer_.end(flows_[number].id);
  current_.erase(at);
}

void PacketReplay::finish() {
  if (!sorted_) sort_events();
  observer_.finish();
}

bool PacketReplay::wants(const FlowId& flow) const {
  const auto at = current_.find(flow.key);
  if (at == current_.end()) return false;
  const Flow& wanted = flows_[at->second];
  return !wanted.recorded && flow.from_low == wanted.id.from_low;
}

void PacketReplay::flow_ended(const FlowRecord& record) {
  const auto at = current_.find(*record.key);
  if (at == current_.end() || flows_[at->second].recorded) return;
  Flow& flow = flows_[at->second];
  flow.recorded = true;
  flow.first = record.first;
  flow.last = record.last;
  std::uint8_t* states = states_.data() + at->second * states_size_;
  std::memcpy(states, record.states, states_size_);
  chains_.keep(states);
}

PacketReplay::Seen PacketReplay::seen(std::size_t flow) const {
  const Flow& one = flows_[flow];
  if (!one.recorded) return {};
  // Chains without a state have nothing to point at, but were observed all the same.
  static constexpr std::uint8_t no_states = 0;
  return {one.first, one.last, states_size_ == 0 ? &no_states : states_.data() + flow * states_size_};
}

}  // namespace spiderling
