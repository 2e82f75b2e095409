// A foreign chain that counts what its states refer to. Only for tests.
#pragma once

#include <map>
#include <set>
#include <string>

#include "spiderling/chain.h"

namespace spiderling::testing {

/// A chain whose state is the number of an entry in a table of its own, as one in another language has an
/// object for each flow: made at the first hook, kept and let go by count. Fields: `tally_hooks`, the hooks
/// called, and `tally_more` in flows that have had a reverse packet.
class Tally final : public ForeignChain {
 public:
  struct State {
    const Tally* chain;
    std::uint64_t number;  // of the entry; 0: none yet
  };
  struct Entry {
    int references = 1;
    int hooks = 0;
    bool answered = false;
  };

  /// As a user's plugin has one: the description outlives all its sets.
  static ChainDescription description(const std::shared_ptr<Tally>& tally, const char* name = "tally") {
    ChainDescription d{};
    d.name = name;
    d.description = "Counts hooks, elsewhere";
    d.state_size = sizeof(State);
    d.state_align = alignof(State);
    d.fields = {{"tally_hooks", "hooks called", FieldType::any, true, 0, 0}};
    d.fields_in_state = true;
    d.new_flow = [](void* state, const FlowPacket& p) {
      note(state, p);
      return p->udp() && p->payload_length() == vetoed ? Verdict::ignore : Verdict::go_on;
    };
    d.ip4 = [](void* state, const Ipv4Header&, const FlowPacket& p) { return note(state, p); };
    d.ip6 = [](void* state, const Ipv6Header&, const FlowPacket& p) { return note(state, p); };
    d.tcp = [](void* state, const TcpHeader& tcp, const FlowPacket& p) {
      note(state, p);
      return tcp.has(tcp_flag::rst) ? Verdict::complete : Verdict::go_on;
    };
    d.foreign = tally;
    return d;
  }
  static constexpr std::uint32_t vetoed = 13;

  std::shared_ptr<const void> place(void* state, std::span<const PlacedChain> chains,
                                    std::size_t own) const override {
    own_ = own;
    placed_ = {chains.begin(), chains.end()};
    const State blank{this, 0};
    std::memcpy(state, &blank, sizeof blank);
    return set_;
  }
  void begin_batch() const override { ++depth_; }
  void end_batch() const noexcept override { --depth_; }
  void keep(const void* state) const override {
    if (const State s = load(state); s.number != 0) ++entries_.at(s.number).references;
  }
  void let_go(void* state) const noexcept override {
    const State s = load(state);
    if (s.number == 0) return;
    const auto at = entries_.find(s.number);
    if (at == entries_.end()) {
      ++let_go_twice_;
    } else if (--at->second.references == 0) {
      entries_.erase(at);
    }
  }
  void append_members(const void* state, std::string& json) const override {
    const State s = load(state);
    json += ",\"tally_hooks\":" + (s.number == 0 ? "null" : std::to_string(entries_.at(s.number).hooks));
    if (s.number != 0 && entries_.at(s.number).answered) json += ",\"tally_more\":[" + text_ + "]";
  }

  static State load(const void* state) {
    State s;
    std::memcpy(&s, state, sizeof s);
    return s;
  }

  std::string text_;
  std::shared_ptr<const int> set_ = std::make_shared<int>(0);
  mutable std::map<std::uint64_t, Entry> entries_;
  mutable std::uint64_t next_ = 1;
  mutable std::size_t own_ = 0;
  mutable std::vector<PlacedChain> placed_;
  mutable int depth_ = 0;
  mutable int hooks_outside_a_batch_ = 0;
  mutable int let_go_twice_ = 0;

 private:
  static Verdict note(void* state, const FlowPacket& p) {
    State s = load(state);
    const Tally& tally = *s.chain;
    if (s.number == 0) {
      s.number = tally.next_++;
      tally.entries_[s.number];
      std::memcpy(state, &s, sizeof s);
    }
    Entry& entry = tally.entries_.at(s.number);
    ++entry.hooks;
    if (p.reverse()) entry.answered = true;
    if (tally.depth_ == 0) ++tally.hooks_outside_a_batch_;
    return Verdict::go_on;
  }
};

}  // namespace spiderling::testing
